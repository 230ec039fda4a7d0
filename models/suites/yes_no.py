"""Whether a reply says yes or no."""

from collections.abc import Sequence

from models.suites.declarations import Declarations
from models.suites.mentions import Mention
from models.suites.tokens import PAUSES, STOPS, Tokens, tokens_of
from models.suites.vocabulary import ALSO, BECAUSE, LINK
from models.suites.word_tables import UNSPACED_WORD
from models.suites.yes_no_words import AFTER_NO, NOTHING_SAID, SORRY, UNDECIDED, YES_NO

_ANSWERS = ("no", "yes")
_ENGLISH = frozenset(["yes", "no", "yeah", "yep", "yup", "nope", "nah"])
_TO_DECIDE = frozenset(["either", "allows", "lets", "to", "for", "or", "."])
_NUMBERED = frozenset(["shows", "is", "has", "looks", "contains", "depicts", "and"])
"""After "No. 2" at the begin of a reply: the number of something, not the answer before a count."""


def read_yes_no(text: str) -> str | None:
    """``yes`` or ``no``, of a reply without reasoning; ``None`` if it says both or neither.

    The last one that is declared ("the answer is yes"), else the last that stands by itself ("No, …"), else a first
    word ("Yes it is"), else "there is no …", else the only one that is said at all.
    """
    tokens = tokens_of(text)
    found = Declarations(tokens, [one for one in _mentions(tokens) if _answers(tokens, one)])
    declared, option = found.last()
    if declared:
        return None if option is None else _ANSWERS[option]
    standing = [one for place, one in enumerate(found.mentions) if not found.denied[place]]
    alone = [one for one in standing if _alone(tokens, one)]
    if alone:
        return _ANSWERS[alone[-1].option]
    standing = [one for one in standing if tokens.low[one.first] in _ENGLISH and not _both(tokens, one)]
    if standing and standing[0].first == 1:
        return _ANSWERS[standing[0].option]
    if _there_is_no(tokens):
        return "no"
    said = {one.option for one in standing}
    return _ANSWERS[said.pop()] if len(said) == 1 else None


def _mentions(tokens: Tokens) -> list[Mention]:
    return [
        Mention(_ANSWERS.index(YES_NO[word]), at, at, letter=True)
        for at, word in enumerate(tokens.low)
        if word in YES_NO
    ]


def _answers(tokens: Tokens, one: Mention) -> bool:
    """Whether the word answers: beyond English only by itself; a "no" neither numbers nor denies a noun."""
    at, low = one.first, tokens.low
    after = low[at + 1]
    if low[at] == "no":
        if after[:1].isdigit() or (
            after == "." and low[at + 2][:1].isdigit() and (at > 1 or low[at + 3] in _NUMBERED or low[at + 3] in STOPS)
        ):
            return False
        return not after[:1].isalpha() or after in AFTER_NO or after in ALSO
    ends = after in STOPS or after in PAUSES or tokens.starts_with(at + 1, BECAUSE)
    return low[at] in _ENGLISH or _alone(tokens, one) or (low[at - 1] in LINK and ends)


def _alone(tokens: Tokens, one: Mention) -> bool:
    """Whether it is a clause by itself."""
    before, after = tokens.low[one.first - 1], tokens.low[one.last + 1]
    if before == "" and UNSPACED_WORD.match(tokens.low[one.last]) and not tokens.glued(one.last + 1):
        return True
    return (before in STOPS or before in PAUSES) and after != "?" and (after in STOPS or after in PAUSES)


def _both(tokens: Tokens, one: Mention) -> bool:
    """Whether it is part of "yes and no", "yes or no"."""
    low = tokens.low
    return any(low[one.first + side] in ALSO and YES_NO.get(low[max(0, one.first + 2 * side)], "") for side in (1, -1))


def _is_undecided(low: Sequence[str], no: int) -> bool:
    """Whether what there is not is an answer: "no clear answer", "no evidence either way"."""
    for at in range(no + 1, min(no + 6, len(low) - 1)):
        if low[at] in STOPS or low[at] in PAUSES:
            return False
        if low[at] in UNDECIDED:
            return low[at] != "evidence" or low[at + 1] in _TO_DECIDE
    return False


def _there_is_no(tokens: Tokens) -> bool:
    """Whether a sentence begins with "there is no …" or "no …", of something that could be asked for."""
    low = tokens.low
    if any(word in SORRY for word in low):
        return False
    for at, word in enumerate(low):
        if (
            word != "no"
            or low[at + 1] in NOTHING_SAID
            or _is_undecided(low, at)
            or not low[at + 1][:1].isalpha()
            or low[at + 1] in AFTER_NO
        ):
            continue
        before = low[at - 2 : at] if at >= 2 else []
        begin = at - 2 if before and before[0] == "there" else at
        begin = at - 1 if low[at - 1] == "there's" else begin
        if low[max(0, begin - 1)] in STOPS and (begin < at or at == 1):
            return True
    return False
