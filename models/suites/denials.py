"""What a reply denies, before or after it says it."""

from collections.abc import Sequence

from models.suites.denial_words import ASIDE, EXCEPT, IDIOMS, IF, NOT, PRESENT, WRONG
from models.suites.mentions import Mention
from models.suites.set_aside import is_set_aside
from models.suites.tokens import BEGIN, LETTERS, PAUSES, STOPS, Tokens
from models.suites.vocabulary import ALSO, ARTICLE, BUT, HEDGE, LINK, OPTION, PLURAL

NEAR = 8
"""How many words to the left and right are looked at: every rule sees a fixed stretch, so that time stays linear."""
_CAPITALS = frozenset(LETTERS)
_EXCEPTIONS = frozenset(max(words.split(), key=len) for words in EXCEPT)
_OUTSIDE = frozenset(["以外", "之外", "外"])
_NONE = frozenset(["none", "nothing", "no"])
"""Before "other than" they deny nothing: "none other than B"."""
_DO = frozenset(["does", "do", "did", "has", "have", "can", "could", "的", "was"])


def is_denial(tokens: Tokens, at: int) -> bool:
    """Whether the token denies what follows, and is no part of a phrase that denies nothing ("no doubt")."""
    if not tokens.has(at, NOT):
        return False
    low = tokens.low
    if low[at] == "than" and low[at - 2] in _NONE:
        return False
    return f"{low[at]} {low[at + 1]}" not in IDIOMS and f"{low[at - 1]} {low[at]}" not in IDIOMS


def denied_before(tokens: Tokens, first: int) -> bool:
    """Whether a "not" reaches the token within its clause."""
    for at in range(first - 1, max(0, first - 1 - NEAR), -1):
        word = tokens.low[at]
        if (word in STOPS and word != BEGIN) or word in PAUSES:
            return False
        if is_denial(tokens, at):
            return True
        if word in BUT:
            return False
    return False


def denied_after(tokens: Tokens, one: Mention) -> bool:
    """Whether "is wrong", "can be ruled out", "is not" or the like is said of a mention, alone or with others."""
    at, separator, linked = one.last + 1, "", False
    while at < one.last + 2 * NEAR and tokens.low[at] in ALSO and _names(tokens.low[at + 1]):
        separator, at = tokens.low[at], at + 2
    if separator == "," and tokens.low[at] not in PLURAL:
        return False
    for place in range(at, min(at + NEAR, len(tokens.low) - 1)):
        word = tokens.low[place]
        if word in STOPS:
            return False
        if tokens.starts_with(place, WRONG):
            return True
        if tokens.starts_with(place, NOT):
            end = place + (tokens.low[place] not in NOT) + 1
            if tokens.low[end] in WRONG or tokens.raw[end] in _CAPITALS:
                return False  # "is not wrong"; "B, not A"
            # "The dog is not sleeping" denies no dog; "B: no cat" and "B, not A" deny no B.
            does = linked or "'" in word or word == "cannot" or not word.isascii()
            seen = tokens.low[place + 2] if tokens.low[place + 1] == "be" else tokens.low[place + 1]
            return seen in PRESENT or (one.letter and does)
        linked |= word != ":"
        if not (word in LINK or word in HEDGE or word in OPTION or word in _DO):
            return False
    return False


def _names(word: str) -> bool:
    """Whether a token may name an option: a letter, or "option"."""
    return word in OPTION or (len(word) == 1 and word.isascii() and word.isalpha())


def excepted(tokens: Tokens, mentions: Sequence[Mention]) -> set[int]:
    """The numbers of the mentions beside which all others are denied: "all options except B are wrong"."""
    if _EXCEPTIONS.isdisjoint(tokens.low):
        return set()
    return {place for place, one in enumerate(mentions) if _is_excepted(tokens, one)}


def _is_excepted(tokens: Tokens, one: Mention) -> bool:
    low, at = tokens.low, one.first - 1
    while at > one.first - NEAR and (low[at] in OPTION or low[at] in ARTICLE):
        at -= 1
    if not (tokens.has(at, EXCEPT) or low[one.last + 1] in _OUTSIDE):
        return False
    for place in range(one.last + 1, min(one.last + 2 * NEAR, len(low) - 1)):
        if low[place] in STOPS or tokens.raw[place] in _CAPITALS:
            return False
        if low[place] in WRONG or is_denial(tokens, place):
            return True
    return False


def holds(tokens: Tokens, cue: int) -> bool:
    """Whether the word that announces an answer is meant: not itself denied, supposed, asked, or said by others."""
    for at in range(cue - 1, max(0, cue - NEAR), -1):
        word = tokens.low[at]
        if is_denial(tokens, at) or word in WRONG or word in IF:
            return False
        if not (word in ASIDE or word in HEDGE or word in OPTION):
            break
    return not is_set_aside(tokens, cue)
