"""What stands before an option that is declared: "the answer is", "I choose", "so", a box, a tick, bold type."""

from collections.abc import Container

from models.suites.clauses import ends_clause
from models.suites.denial_words import IF, WRONG
from models.suites.denials import NEAR, holds, is_denial
from models.suites.mentions import Mention
from models.suites.tokens import BEGIN, PAUSES, STOPS, Tokens
from models.suites.vocabulary import (
    AGREES,
    ANSWER,
    ARTICLE,
    CHANGE,
    CHOOSE,
    CORRECTION,
    DESCRIBES,
    HEDGE,
    IT,
    LIKE,
    LINK,
    NO_CUE,
    OPTION,
    RIGHT,
    SAY,
    TICKS,
)

_CUE = 14
"""How many words may stand between "answer" and the answer."""
_THAT = frozenset(["que", "dass", "che", "что"])
_BEFORE_LINK = HEDGE - LINK - frozenset(["could", "may", "might", "can", "可能"])


def is_announced(tokens: Tokens, one: Mention) -> bool:
    """Whether "answer is", "I choose", a box, a tick or the like stands before it."""
    at, named = one.first - 1, False
    near = max(0, one.first - NEAR)
    while at > near and (tokens.low[at] in ARTICLE or tokens.low[at] in OPTION) and not tokens.has(at, CHOOSE):
        named |= tokens.low[at] in OPTION
        at -= 1
    while at > near and tokens.low[at] in HEDGE and tokens.low[at] not in LINK and not tokens.has(at, SAY):
        named = True
        at -= 1
    if tokens.low[at - 2 : at + 1] == ["none", "other", "than"]:
        at -= 3
    word = tokens.low[at]
    if word == BEGIN:
        return True
    if tokens.has(at, CHOOSE):
        return holds(tokens, at)
    if one.letter and tokens.low[at + 1] == "to" and (change := _verb(tokens, at, CHANGE)):
        return holds(tokens, change)
    if one.letter and ends_clause(tokens, one.last + 1) and _introduces(tokens, one, at, named):
        return True
    if one.letter and word == ":" and not named and (tokens.low[at - 1] in OPTION or _is_prompt(tokens, at - 1)):
        return holds(tokens, at - 1)
    if word == "\n":
        colon = tokens.low[at - 1] == ":"
        return (colon or tokens.has(at - 1, ANSWER)) and _is_linked(tokens, one, at - 1 if colon else at)
    return word in LINK and _is_linked(tokens, one, at)


def _introduces(tokens: Tokens, one: Mention, at: int, named: bool) -> bool:
    """Whether the token before a letter that ends its clause announces it without a verb: "so B", "answer B"."""
    if tokens.low[at] in TICKS or (tokens.has(at, SAY) and holds(tokens, at)):
        return True
    if named and (tokens.low[at] in DESCRIBES or tokens.has(at, AGREES)):
        return holds(tokens, at)
    if tokens.has(at, LIKE):
        return any(tokens.low[at - 2] in words for words in (STOPS, PAUSES, IT, HEDGE))
    if named and tokens.low[at] in STOPS and tokens.low[at + 1] in HEDGE:
        return True
    if (tokens.has(at, ANSWER) or (named and tokens.low[at] in RIGHT)) and holds(tokens, at):
        return True
    pause = tokens.low[at] in PAUSES or tokens.low[at] == "\n"
    noun = tokens.has(at - 1, ANSWER) or tokens.low[at - 1] in OPTION or tokens.has(at - 1, CHOOSE)
    if pause and (tokens.has(at - 1, SAY) or (tokens.low[at] in PAUSES and noun)):
        return holds(tokens, at - 1)
    if tokens.low[at] == "," and (verb := _verb(tokens, at, CHOOSE)):
        asked = not IF.isdisjoint(tokens.low[max(0, verb - NEAR) : verb])
        return (named or asked) and holds(tokens, verb)
    return _corrects(tokens, one, at)


def _corrects(tokens: Tokens, one: Mention, at: int) -> bool:
    """Whether a word like "sorry", "wait" or "updated" stands before a letter that ends its clause."""
    if tokens.low[at] in STOPS or tokens.low[at] in PAUSES:
        if tokens.low[at] in STOPS and tokens.low[one.last + 1] not in STOPS:
            return False
        at -= 1
    return tokens.has(at, CORRECTION) and holds(tokens, at)


def _is_linked(tokens: Tokens, one: Mention, link: int) -> bool:
    """Whether the subject of the "is" before it is an answer: "the answer to the question is"."""
    if one.letter and ends_clause(tokens, one.last + 1):
        subject = link - 2 if tokens.low[link - 1] in _THAT else link - 1
        while tokens.low[subject] in _BEFORE_LINK and not tokens.has(subject, SAY):
            subject -= 1
        if tokens.low[subject] in IT or tokens.low[subject] in STOPS or tokens.has(subject, SAY):
            return holds(tokens, subject)
    for at in range(link - 1, max(0, link - _CUE), -1):
        word = tokens.low[at]
        if word in STOPS or word == tokens.low[link] == ":" or is_denial(tokens, at):
            return False
        if word in WRONG and at == link - 1:
            return False
        cue = tokens.has(at, ANSWER) or (one.letter and (word in OPTION or tokens.has(at, CHOOSE)))
        if cue or (one.letter and word in RIGHT and word not in NO_CUE):
            return holds(tokens, at)
    return False


def _is_prompt(tokens: Tokens, at: int) -> bool:
    """Whether the word before a colon asks for the answer: "final", "assistant", the "A" after a "Q"."""
    low = tokens.low
    return low[at] in ("final", "assistant") or (low[at] == "a" and low[1:3] == ["q", ":"] and low[at - 1] == "\n")


def _verb(tokens: Tokens, at: int, verbs: Container[str]) -> int:
    """The place of one of the verbs shortly before: "change my answer to", "pick the last one,"; 0 if none is."""
    return next((verb for verb in range(at, max(0, at - 5), -1) if tokens.has(verb, verbs)), 0)


def is_bold(tokens: Tokens, one: Mention) -> bool:
    """Whether it is a letter in bold that ends its clause."""
    gaps, at = tokens.gaps, one.first
    opened = "**" in gaps[at] or (tokens.low[at - 1] in OPTION and "**" in gaps[at - 1])
    closed = opened and any("**" in gap for gap in gaps[one.last + 1 : one.last + 3])
    return closed and one.letter and ends_clause(tokens, one.last + 1)
