"""What stands after an option that is declared: "is correct", "is the answer", "it is"."""

from collections.abc import Callable

from models.suites.clauses import ends_clause
from models.suites.denial_words import ASIDE, IF, NOT, WRONG
from models.suites.denials import NEAR, holds, is_denial
from models.suites.mentions import Mention
from models.suites.tokens import PAUSES, STOPS, Tokens
from models.suites.vocabulary import (
    ALSO,
    ANSWER,
    ARTICLE,
    BECAUSE,
    BUT,
    CHOOSE,
    CHOSEN,
    DESCRIBES,
    HEDGE,
    IT,
    LINK,
    OPTION,
    RIGHT,
    SAY,
)

_DASHES = frozenset(["-", "–", "—", "->"])
_RESUMED = frozenset(["is", "does", "ist", "est", "es", "è", "é"])
_BEFORE_LETTER = (OPTION, ARTICLE, LINK, BUT, ALSO, SAY, CHOOSE, HEDGE, ASIDE, BECAUSE, ANSWER, IF)


def is_confirmed(tokens: Tokens, one: Mention, is_text: Callable[[int], bool]) -> bool:
    """Whether "is correct", "is the answer" or the like is said of it; ``is_text`` tells tokens of options' texts."""
    linked = False
    if one.letter and not one.text and not _may_stand_alone(tokens, one):
        return False
    if _completes(tokens, one):
        return holds(tokens, one.first)
    for at in range(one.last + 1, min(one.last + 1 + NEAR, len(tokens.low) - 1)):
        word = tokens.low[at]
        if word in STOPS or word in WRONG or is_denial(tokens, at):
            return False
        if word in CHOSEN:
            return ends_clause(tokens, at + 1) and holds(tokens, one.first)
        linked |= word in LINK or (word in _DASHES and at == one.last + 1)
        if (word in RIGHT or tokens.has(at, ANSWER)) and (linked or (one.letter and word != "one")):
            return _ends_praise(tokens, at) and holds(tokens, one.first) and not is_text(at)
        if not (word in LINK or word in HEDGE or word in ARTICLE or word in OPTION or word in _DASHES):
            return False
    return False


def _completes(tokens: Tokens, one: Mention) -> bool:
    """Whether it ends a sentence that called others wrong, or is resumed: "A is not right; B is", "B it is"."""
    low, end = tokens.low, one.last + 1
    if low[end : end + 2] == ["it", "is"]:
        return low[end + 2] in STOPS or low[end + 2] in PAUSES
    if low[end] in LINK and low[end + 1] in NOT and low[end + 2] in WRONG:
        end += 3
    if low[end] in STOPS and low[end] and low[end + 1] in IT and low[end + 2] in LINK:
        praise = end + 3 + (low[end + 3 : end + 4] != [] and low[end + 3] in ARTICLE)
        return praise < len(low) - 1 and low[praise] in RIGHT and _ends_praise(tokens, praise)
    if not (low[end] in _RESUMED and low[end + 1] in STOPS):
        return False
    before = low[max(0, one.first - 2 * NEAR) : one.first]
    return not (RIGHT.isdisjoint(before) and ANSWER.isdisjoint(before))


def _ends_praise(tokens: Tokens, at: int) -> bool:
    """Whether "correct" or the like speaks of an answer: not "right there", not a question."""
    after = tokens.low[at + 1]
    if after == "?":
        return False
    ends = ends_clause(tokens, at + 1) or not tokens.low[at].isascii() or after == "than"
    return ends or after in OPTION or after in ANSWER or after in RIGHT or after in DESCRIBES


def _may_stand_alone(tokens: Tokens, one: Mention) -> bool:
    """Whether no noun before the letter makes a name of it: "Plan B is better"."""
    before = tokens.low[one.first - 1]
    if tokens.gaps[one.first] or not before.isascii() or not before[-1:].isalpha():
        return True
    return any(tokens.has(one.first - 1, words) for words in _BEFORE_LETTER)
