"""Where a reply mentions its options: by their letters, or by their texts as whole words and numbers."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from models.suites.tokens import LETTERS, PAUSES, STOPS, Tokens, lower, plain
from models.suites.vocabulary import (
    ALSO,
    BECAUSE,
    BUT,
    CHOOSE,
    HEDGE,
    IS_WORD_AFTER_A,
    LINK,
    NAMED_BY_LETTER,
    NOT,
    OPTION,
    RIGHT,
    SENTENCE_BEGINS,
    UNSPACED,
    WRONG,
)

_RUN = re.compile(f"[{UNSPACED}]")
_SPACES = str.maketrans("\n\t\r\f\v", "     ")
_EDGES = " \t\n.,;:!?\"'`*“”‘’。，"
_RUN_ON = (
    BECAUSE,
    BUT,
    LINK,
    RIGHT,
    WRONG,
    NOT,
    ALSO,
    HEDGE,
    OPTION,
    CHOOSE,
    frozenset("が を も で の 를 을 도 라 中 里 显".split()),
)
"""What runs on from a letter in scripts without spaces; anything else makes a name of it ("A型")."""
_UNITS = frozenset(["°", "º"])
_JOINED = frozenset("=+^/<>")
"""After a letter they make a formula of it, or a part of something longer."""
_SUFFIXES = ("-color", "-colour", "-hand", "-side", "-shaped")
"""After a hyphen: the word before still says what it says."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One option, mentioned from the first token to the last."""

    option: int
    first: int
    last: int
    letter: bool = False
    """By its letter."""
    text: bool = False
    """By its text."""


def find_mentions(tokens: Tokens, options: Sequence[str]) -> list[Mention]:
    """All mentions, in their order. A letter and its own text side by side are one."""
    texts = [
        Mention(option, bisect_left(tokens.starts, start, 1), bisect_left(tokens.starts, end, 1) - 1, text=True)
        for start, end, option in said_options(tokens.text, options)
    ]
    inside = {at for one in texts if one.last > one.first for at in range(one.first, one.last + 1)}
    letters = [
        Mention(LETTERS.index(tokens.raw[at].upper()), at, at, letter=True)
        for at in tokens.singles
        if at not in inside and is_letter(tokens, at, options)
    ]
    return list(_merged(tokens, sorted(letters + texts, key=lambda one: (one.first, -one.last, not one.letter))))


def _merged(tokens: Tokens, mentions: Sequence[Mention]) -> Iterator[Mention]:
    before: Mention | None = None
    for one in mentions:
        if (
            before
            and before.option == one.option
            and before.letter != one.letter
            and _side_by_side(tokens, before, one)
        ):
            before = replace(before, last=max(before.last, one.last), letter=True, text=True)
            continue
        if before:
            yield before
        before = one
    if before:
        yield before


def _side_by_side(tokens: Tokens, one: Mention, other: Mention) -> bool:
    """Whether they are a label and its text ("B. dog"), or a text and its label ("dog (B)")."""
    between = tokens.low[one.last + 1 : other.first]
    if one.letter:
        return len(between) <= 2 and all(
            mark in PAUSES or mark in ".\n" or mark in ("option", "the") for mark in between
        )
    return not between and "(" in tokens.gaps[other.first]


def is_letter(tokens: Tokens, at: int, options: Sequence[str]) -> bool:
    """Whether a token that is one letter can name an option: no article, unit, formula or part of a name."""
    raw, after = tokens.raw[at], tokens.low[at + 1]
    if LETTERS.index(raw.upper()) >= len(options):
        return False
    before = tokens.low[at - 1]
    if not tokens.gaps[at] and (before[-1:].isdigit() or before in _UNITS):
        return False
    if tokens.gaps[at + 1]:
        return not tokens.gaps[at + 1].startswith("#")
    glued = tokens.glued(at + 1)
    if (after in _JOINED and not (after == "/" and len(tokens.raw[at + 2]) == 1)) or (glued and after in _UNITS):
        return False
    if glued and after == "-" and tokens.low[at + 2] in STOPS:
        return False
    if not after or not after[0].isalnum():
        return before != "/" or len(tokens.raw[at - 2]) == 1
    if _RUN.match(after):
        return not glued or any(tokens.starts_with(at + 1, words) for words in _RUN_ON)
    if after[0].isdigit():
        return not glued
    if raw in "AEae" or raw.islower():
        if tokens.starts_with(at + 1, BECAUSE) or after in BUT:
            return True
        return raw.isupper() and (after in IS_WORD_AFTER_A or tokens.raw[at + 1] in SENTENCE_BEGINS)
    return after not in NAMED_BY_LETTER


def said_options(text: str, options: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where options' texts stand as whole words: start, end, number of the option, by place.

    One inside the text of a longer one does not count.
    """
    low = lower(text).translate(_SPACES)
    found = []
    for number, option in enumerate(options):
        for form in _forms(option):
            start = low.find(form)
            while start >= 0:
                end = start + len(form)
                if is_whole(low, start, end) and (len(form) > 1 or _stands_alone(text, start, option)):
                    found.append((start, -end, number))
                start = low.find(form, start + 1)
    kept: list[tuple[int, int, int]] = []
    for start, minus_end, number in sorted(found):
        span = (start, -minus_end)
        if not kept or span[1] > kept[-1][1] or span == kept[-1][:2]:
            kept.append((*span, number))
    return kept


def _stands_alone(text: str, start: int, option: str) -> bool:
    """Whether a text of one letter is said in its own case and is no article or pronoun before a word."""
    bare = plain(option).strip(_EDGES) or option
    if not (bare.isascii() and bare.isalpha()):
        return True
    return text[start] == bare and not re.match(r" \w", text[start + 1 : start + 3])


@lru_cache(maxsize=4096)
def _forms(option: str) -> tuple[str, ...]:
    """The ways in which an option's text may be written: hyphens or spaces, thousands, a unit with or without space."""
    text = " ".join(lower(plain(option)).split())
    bare = text.strip(_EDGES) or text
    forms = [bare]
    if re.search(r"[^\W\d_][ -][^\W\d_]", bare):
        forms += [bare.replace(" ", "-"), re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])", " ", bare)]
    if bare[:1].isdigit() or bare[-1:].isdigit():
        if re.fullmatch(r"\d{1,3}(?:,\d{3})+", bare):
            forms.append(bare.replace(",", ""))
        elif re.fullmatch(r"\d{4,15}", bare):
            forms.append(f"{int(bare):,}")
    if unit := re.fullmatch(r"(\d[\d.,]*)( ?)([^\W\d_]{1,5}|%|°[cf]?)", bare):
        forms.append(unit[1] + ("" if unit[2] else " ") + unit[3])
    return tuple(dict.fromkeys(form for form in forms if form))


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether a stretch of lower-case text is whole words and numbers there: no part of a longer one."""
    first, last = text[start], text[end - 1]
    before, after = text[start - 1 : start], text[end : end + 1]
    if first.isalnum() and not _RUN.match(first) and before and not _free_before(text, start, first.isdigit()):
        return False
    if first in "-." and (before.isalnum() or before == first):
        return False
    if not last.isalnum():
        return last not in "+*#<>=" or after != last
    return not after or _RUN.match(last) is not None or _free_after(text, end, last.isdigit())


def _free_before(text: str, start: int, number: bool) -> bool:
    before, further = text[start - 1], text[start - 2 : start - 1]
    if number and _RUN.match(before):
        return before not in "第"
    if _RUN.match(before):
        return True
    if before.isalnum() or before == "_":
        return False
    if not number:
        return before not in "-’" or not further.isalnum()
    if before in ".-−√^±":
        return before == "." and not further.isdigit() and further != "" and not further.isspace()
    if before in ",/:–":
        return not further.isdigit()
    if before == " " and further.isdigit() and re.match(r"\d{3}(?!\d)", text[start : start + 4]):
        return re.search(r"(?<![\d.,])\d{1,3} $", text[max(0, start - 6) : start]) is None
    return re.match(r"\d+/\d", text[start : start + 12]) is None or not (before == " " and further.isdigit())


def _free_after(text: str, end: int, number: bool) -> bool:
    after, further = text[end], text[end + 1 : end + 2]
    if _RUN.match(after):
        return True
    if after.isalnum() or after == "_":
        return False
    if after in "+#":
        return False
    if after == "-":
        return not further.isalnum() or text.startswith(_SUFFIXES, end)
    if not number:
        return after != "'" or not further.isalnum() or (further == "s" and not text[end + 2 : end + 3].isalnum())
    if after in ".,/:–":
        return not further.isdigit()
    if after == " " and further.isdigit():
        return re.match(r" \d{3}(?![\d.,])(?! ?\w)| \d+/\d", text[end : end + 12]) is None
    return True
