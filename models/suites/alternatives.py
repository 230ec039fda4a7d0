"""Mentions side by side: alternatives ("A or B"), options that are only listed again, and items of a list."""

from collections.abc import Iterator, Sequence

from models.suites.denials import NEAR
from models.suites.mentions import Mention
from models.suites.tokens import BEGIN, LETTERS, PAUSES, STOPS, Tokens
from models.suites.vocabulary import ALSO, ANSWER, ARTICLE, LINK, LIST_BEGINS, OPTION, PLURAL, TOGETHER

_LIST = 18
"""Words of a list that are looked at."""
_LETTERS = frozenset(LETTERS.lower())
_BETWEEN = 5
"""Words that may stand between two alternatives."""
_OR = frozenset(["or", "oder", "ou", "o", "oppure", "или", "of", "lub", "或", "或者", "または", "또는"])
_AGAIN = LINK | frozenset(["that", "it", "it's", "dass", "es", "que"])
_AND = frozenset([",", "&", "and", "und", "et", "y", "e", "en", "и", "和", "و"])
"""Of ``ALSO``: before a verb they begin another clause: "B, and A is wrong"."""


def joining(tokens: Tokens, one: Mention, other: Mention) -> str:
    """The "or", "and", comma or slash that makes alternatives of two mentions; empty if nothing does."""
    low = tokens.low
    between = low[one.last + 1 : other.first]
    if not 0 < len(between) <= _BETWEEN or one.option == other.option:
        return ""
    bare = [word for word in between if not (word in ARTICLE or word in OPTION or word == BEGIN)]
    if not all(word in ALSO for word in bare):
        together = " ".join(bare).lstrip(", ") in TOGETHER or (bare == [";"] and low[other.last + 1] in STOPS)
        return "or" if together or _says_again(bare) else ""
    follows = low[other.last + 1]
    clause = follows[:1].isalpha() and follows not in ALSO and follows not in PLURAL
    found = next((word for word in reversed(between) if word in ALSO and not (clause and word in _AND)), "")
    if not found and _ends_list(tokens, one, other):
        return "or"
    return found


def _says_again(between: Sequence[str]) -> bool:
    """Whether an alternative is announced like the first: "or that the answer is"."""
    return between[:1] != [] and between[0] in _OR and all(word in _AGAIN or word in ANSWER for word in between[1:])


def _ends_list(tokens: Tokens, one: Mention, other: Mention) -> bool:
    """Whether a list that ends with the second mention is opened by a bracket, "both", "of", or "options"."""
    low = tokens.low
    if tokens.gaps[other.last + 1].startswith((")", "]")):
        return "(" not in tokens.gaps[other.first] and "[" not in tokens.gaps[other.first]
    at = one.first - 1
    while at > one.first - _LIST and low[at] not in LIST_BEGINS and (low[at] in ALSO or low[at] in _LETTERS):
        at -= 1
    return low[at] in LIST_BEGINS


def listed_again(tokens: Tokens, mentions: Sequence[Mention]) -> frozenset[int]:
    """First tokens of the mentions that only repeat the list of options: "A. cat B. dog C. horse"."""
    return frozenset(
        one.first
        for run in _runs(tokens, mentions)
        if len(run) > 2 or (len(run) == 2 and run[0].option == 0)
        for one in run
    )


def _runs(tokens: Tokens, mentions: Sequence[Mention]) -> Iterator[list[Mention]]:
    """Letters with their texts that follow each other with nothing but marks between."""
    run: list[Mention] = []
    for one in mentions:
        if not (one.letter and one.text):
            continue
        between = tokens.low[run[-1].last + 1 : one.first] if run else []
        if run and (one.option == run[-1].option or not all(word in PAUSES or word in STOPS for word in between)):
            yield run
            run = []
        run.append(one)
    yield run


def begins_line(tokens: Tokens, one: Mention) -> bool:
    """Whether nothing but bullets and "option" stands before it in its line."""
    low, at = tokens.low, one.first - 1
    while (low[at] in PAUSES or low[at] in OPTION) and at > one.first - NEAR:
        at -= 1
    return low[at] in ("", "\n")
