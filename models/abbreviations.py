"""Periods that end no sentence: abbreviations of some European languages, initials, ordinal numbers.

The sets hold words in lower case, without their last period.
"""

import re
from dataclasses import dataclass

from models.word_set import word_set

INTRODUCING = word_set(
    """
    e.g i.e vs cf viz approx ca circa incl excl resp esp a.k.a z.b d.h bzw vgl sog ggf evtl inkl zzgl v.a o.ä bijv
    d.w.z t.ex f.eks fx mv.a p.ex p.ej c.-à-d aprox núm ej np tj tzn tzv např esim т.е т.к напр см π.χ
    """
)
"""They announce what comes next, so they never end a sentence."""

NUMBERED = word_set(
    """
    no nos nr nrs c est num fig figs abb eq eqs vol vols p pp pg pgs pág pag s ch chap kap sec sect op ver v tel
    ext rm apt ste par bd pl col стр рис табл гл č čís str ex
    """
)
"""They stand before a number, and end a sentence where none follows ("No. 5", but "The answer is no. It is red.")."""

TITLES = word_set(
    """
    mr mrs ms mx dr drs prof st ste mt ft rev fr hr hrn sr sra srta dra gen col sgt capt cpt lt cmdr adm maj hon sen
    rep gov pres supt messrs mme mlle mgr sig dott ing dipl mag dhr mevr ul ave rd blvd hwy sq univ dept ул им проф
    акад
    """
)
"""They stand before a name, or after it as a street does; written with a capital where the script has them."""

LOWER_TITLES = word_set("dr drs prof ul ул им проф акад")
"""Of these the form without a capital is one, too."""

CLOSING = word_set(
    """
    jan feb apr aug sep sept oct nov dec etc inc ltd co corp jr bros llc gmbh usw u.a u.ä o.a enz osv m.m bl.a
    mfl ecc stb itd itp atd apod jne a.m p.m a.d b.c b.c.e c.e v.chr n.chr ph.d т.д т.п др κ.λπ κ.ά ee.uu ud uds lbs
    oz sq.ft min max avg
    """
)
"""They may end a sentence: they do unless the text goes on in lower case or with a number."""

CAPITALIZED = word_set(
    """
    jan feb apr aug sep sept oct nov dec inc ltd co corp jr bros ud uds min max
    """
)
"""Of these only the form with a capital is an abbreviation."""

UNITS = word_set("ft in yd mi cm mm km kg lb oz hr hrs min sec")
"""Behind a number they go on in lower case ("6 ft. tall")."""

MONTHS = word_set(
    """
    january february march april may june july august september october november december januar februar märz mai
    juni juli oktober dezember jänner feber januari februari maart mei augustus marts maj juuni janvier février mars
    avril juin juillet août septembre octobre novembre décembre ledna února března dubna května června července
    srpna září října listopadu prosince tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta
    elokuuta syyskuuta lokakuuta marraskuuta joulukuuta
    """
)
"""After "5." they make a date."""

BEFORE_ORDINALS = word_set(
    """
    der die das den dem des im am zum vom beim ins jeder jede jedes jeden ein eine einen einem seit bis det na od
    dne
    """
)
"""German, Scandinavian and Slavic words after which "3." is "third"."""

LABELS = word_set(
    """
    vitamin plan option letter type class grade section team group point answer choice hepatitis row column line
    model version part appendix size level zone gate exit platform building block bus route room seat lane category
    phase stage step sign label key button note chord item
    """
)
"""After them a single capital is a label and no initial: "vitamin A." may end a sentence."""

BEFORE_NAMES = word_set(
    """
    by of from with and for to near as at named called after von van de du di da par por et und y e и
    """
)
"""Small words that stand before a person's initials."""

STARTERS = word_set(
    """
    the a an it he she they we you i there this that these those in on at its his her their our my your is are was
    were has have but and so or if when while with no yes not for to from by after before behind next near above
    below under between one both all some each every another other here what which who where why how please nothing
    everything only now then remove add change make paint turn move replace recolor resize put place swap take
    delete draw color write der die das ein eine er sie es im auf le les un une il elle ce el los las hay lo gli het
    een de er os um uma
    """
)
"""Words that begin sentences far more often than they follow an abbreviation or an initial."""

_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.){1,4}[^\W\d_]{1,3}")
_ROMAN = re.compile("[IVXLC]{2,}")


@dataclass(frozen=True)
class Following:
    """What comes after a period and white space."""

    first: str
    """The next visible character, quotes and brackets left aside; empty at the end of the line."""
    word: str
    """That begins with it; empty where it is no letter or digit."""
    then: str
    """The character after the word."""

    @property
    def starts(self) -> bool:
        """Whether the word looks like the first of a sentence."""
        return self.word.casefold() in STARTERS and not (len(self.word) == 1 and self.then == ".")


def abbreviates(before: list[str], after: Following) -> bool:
    """Whether a period belongs to the word before it, and the sentence goes on.

    Args:
        before: The last two words before the period, fewer at the beginning of a sentence, without quotes and brackets.
        after: What follows.
    """
    if not before or not before[-1]:
        return False
    last, previous = before[-1], before[-2] if len(before) > 1 else ""
    whole = f"{previous}{last}" if len(last) <= 3 and _is_part(previous) else last  # "e. g.", "v. Chr."
    if _is_part(f"{last}.") and after.then == "." and _known(f"{last}.{after.word}".casefold()):
        return True
    key = "etc" if (previous.casefold(), last) == ("et", "al") else whole.casefold()
    lower, digit = after.first.islower(), after.first.isnumeric()
    if key in INTRODUCING and not (last.isupper() and "." not in whole):  # "from CA. The car"
        return True
    if key in UNITS and previous[-1:].isdigit():
        return lower
    if key in TITLES and (not last.islower() or key in LOWER_TITLES):
        return lower or not after.starts
    if key in NUMBERED or key.endswith("str"):  # "Hauptstr. 5"
        return digit or after.first == "#" or _ROMAN.fullmatch(after.word) is not None
    if key in CLOSING and not (key in CAPITALIZED and last.islower()):
        return lower or digit
    if _DOTTED.fullmatch(whole):
        return lower or digit or (whole.isupper() and not after.starts)
    if len(last) == 1 and last.isupper():
        return _is_initial(previous, after)
    if last.isdecimal() and len(last) <= 2:
        return after.word.casefold() in MONTHS or (previous.casefold() in BEFORE_ORDINALS and after.first.isalpha())
    return lower and _ROMAN.fullmatch(last) is not None


def _is_initial(previous: str, after: Following) -> bool:
    """Whether a single capital with a period is part of a name ("J. R. Smith", "E. coli")."""
    if len(after.word) == 1 and after.word.isupper() and after.then == ".":
        return True
    if after.starts or previous.casefold() in LABELS:
        return False
    if after.first.islower():
        return True
    named = not previous or previous[0].isupper() or previous.casefold() in BEFORE_NAMES
    return after.first.isupper() and named


def _is_part(word: str) -> bool:
    return len(word) == 2 and word[0].isalpha() and word[1] == "."


def _known(key: str) -> bool:
    return key in INTRODUCING or key in CLOSING
