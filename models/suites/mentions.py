"""Where a reply mentions its options: by their letters, or by their texts as whole words and numbers."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from models.suites.denial_words import NOT, WRONG
from models.suites.option_texts import said_options
from models.suites.tokens import LETTERS, PAUSES, STOPS, Tokens
from models.suites.vocabulary import (
    ALSO,
    BECAUSE,
    BUT,
    CHOOSE,
    HEDGE,
    IS_WORD_AFTER_A,
    LINK,
    NAMED_BY_LETTER,
    OPTION,
    RIGHT,
    SENTENCE_BEGINS,
)
from models.suites.word_tables import UNSPACED_WORD

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
    frozenset("がをもでの를을도라中里显外"),
)
"""What runs on from a letter in scripts without spaces; anything else makes a name of it ("A型")."""
_UNITS = frozenset(["°", "º"])
_JOINED = frozenset("=+^/<>")
"""After a letter they make a formula of it, or a part of something longer."""


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
    texts = [one for one in texts if len(tokens.raw[one.first]) != 1 or not _is_label(tokens, one, options)]
    inside = {
        at
        for one in texts
        if one.last > one.first or (len(tokens.raw[one.first]) == 1 and _has_label(tokens, one))
        for at in range(one.first, one.last + 1)
    }
    letters = [
        Mention(LETTERS.index(tokens.raw[at].upper()), at, at, letter=True)
        for at in tokens.singles
        if at not in inside and is_letter(tokens, at, options)
    ]
    found = letters + texts
    if len(found) < 2:
        return found
    return list(_merged(tokens, sorted(found, key=lambda one: (one.first, -one.last, not one.letter))))


def _has_label(tokens: Tokens, one: Mention) -> bool:
    """Whether its own letter stands before a text: "A. B"."""
    mark = tokens.low[one.first - 1]
    return tokens.raw[one.first - 1 - (mark in PAUSES or mark == ".")].upper() == LETTERS[one.option]


def _is_label(tokens: Tokens, one: Mention, options: Sequence[str]) -> bool:
    """Whether a text that is a letter itself names the option of that letter: "B", but not in "A. B"."""
    letter = tokens.raw[one.first].upper()
    if one.last > one.first or letter not in LETTERS or letter == LETTERS[one.option]:
        return False
    return is_letter(tokens, one.first, options) and not _has_label(tokens, one)


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
    if one.letter and tokens.low[other.first] == tokens.low[one.first]:
        return False  # "than B. B is closer", where "B is closer" is an option
    if one.letter:
        return len(between) <= 2 and all(mark in PAUSES or mark in (".", "\n", "option", "the") for mark in between)
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
    if UNSPACED_WORD.match(after):
        return not glued or any(tokens.starts_with(at + 1, words) for words in _RUN_ON)
    if after[0].isdigit():
        return not glued and raw != "a"
    if raw in "AEae" or raw.islower():
        if tokens.starts_with(at + 1, BECAUSE) or after in BUT or after in LINK:
            return True
        return raw.isupper() and (after in IS_WORD_AFTER_A or tokens.raw[at + 1] in SENTENCE_BEGINS)
    return after not in NAMED_BY_LETTER
