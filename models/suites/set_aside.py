"""Answers that a reply names but does not give: supposed, of another time or rank, said by others, taken back."""

from itertools import pairwise

from models.suites.denial_words import (
    ELSEWHERE,
    FORMER,
    IF,
    NOT,
    OTHER_AFTER,
    OTHER_ANSWER,
    OTHERS,
    OTHERS_SAY,
    OTHERWISE,
    THAT,
    WITH,
    WOULD,
    WRONG,
)
from models.suites.mentions import Mention
from models.suites.tokens import LETTERS, PAUSES, STOPS, Tokens
from models.suites.vocabulary import ANSWER, BUT, CORRECTION, HEDGE, IT, LINK, OPTION, RIGHT

_NEAR = 8
_SENTENCE = 25
"""How many words of a sentence are looked at, to each side."""
_SIGNS = frozenset(
    max(words.split(), key=len)
    for words in FORMER | OTHERWISE | IF | OTHER_ANSWER | OTHER_AFTER | OTHERS | {"had", "were", "first", "alternative"}
)
"""One of these stands in every sentence with such an answer: most have none, and are not looked at further."""
_ASKED = frozenset(["i", "we", "forced", "asked", "pressed", "ich", "je", "必须", "要", "一定"])
"""After an "if" that supposes nothing: "if I had to choose"."""
_LETTERS = frozenset(LETTERS)
_ORDINALS = frozenset(["second", "next", "third", "fourth"])
_NOW = frozenset(["now", "finally", "eventually", "jetzt", "maintenant", "ahora", "agora", "ora", "теперь", "现在"])
_CHOSEN = RIGHT - {"closest"}
"""Before "alternative": it is the answer, and no other one."""
_EITHER = frozenset(["too", "either", "though", "as", "also", "then"])
_NO = frozenset(["no", "nope", "wrong"])
_YET = frozenset(["but", "however", "yet", "aber", "mais", "pero", "mas", "ma", "но", "但", "但是"])
_WITHDRAWALS = THAT | IT | LINK | _NO
_OTHER_PLACE = frozenset([("other", noun) for noun in ("picture", "image", "photo", "question", "case", "one")])
_GIVEN = frozenset(["this", "these", "that", "all", "more", "further", "no", "any"])
"""After a "with" or "without" that sets no other case: "with this in mind"."""


def is_set_aside(tokens: Tokens, cue: int) -> bool:
    """Whether what the word at ``cue`` announces is not the answer that the reply gives."""
    if _SIGNS.isdisjoint(tokens.low[max(0, cue - _SENTENCE) : cue + 3]):
        return False
    return (
        _is_other_answer(tokens, cue)
        or is_supposed(tokens, cue)
        or _is_former(tokens, cue)
        or _is_said_by_others(tokens, cue)
    )


def _is_other_answer(tokens: Tokens, cue: int) -> bool:
    """Whether it is of the kind "the second best answer", "an alternative answer", "the least likely option"."""
    low, at = tokens.low, cue - 1
    if low[cue] in ("thought", "thoughts"):
        return False
    if low[cue] == "alternative" and low[at] not in _CHOSEN:
        return True
    while at > cue - _NEAR and any(low[at] in words for words in (RIGHT, HEDGE, OPTION, ANSWER)):
        if low[at] == "alternative" and low[at - 1] not in _CHOSEN:
            return True
        at -= 1
    if low[at] in _ORDINALS and low[at + 1] in OPTION and low[at + 1] != "choice":
        return False
    if low[at] in OTHER_ANSWER or (low[at] == "first" and low[cue + 1] in ("was", "had")):
        return low[at - 1 : at + 1] != ["at", "least"]
    return low[cue + 1] in OTHER_AFTER


def is_supposed(tokens: Tokens, cue: int) -> bool:
    """Whether the sentence is of the kind "if it were …, the answer would be" or "had it …, the answer would be"."""
    low = tokens.low
    would = any(word in WOULD for word in low[cue + 1 : cue + 5])
    for at in range(cue, max(0, cue - _SENTENCE), -1):
        word = low[at]
        if word in STOPS:
            return False
        would |= word in WOULD
        if tokens.has(at, OTHERWISE) and (word != "otherwise" or low[at - 1] in STOPS or low[at - 1] in PAUSES):
            return True
        if word in IF or (word in ("had", "were") and (low[at - 1] in STOPS or low[at - 1] in PAUSES)):
            return would and not _ASKED & set(low[at + 1 : at + 4])
    return False


def _is_former(tokens: Tokens, cue: int) -> bool:
    """Whether the clause tells what was thought before: "initially, I thought that the answer was"."""
    low, paused = tokens.low, False
    for at in range(cue, max(0, cue - _SENTENCE), -1):
        if tokens.has(at, FORMER) and low[at + 1] not in ("glance", "sight"):
            return not paused or low[at - 1 - (low[at] not in FORMER)] in STOPS
        if low[at] in STOPS or low[at] in BUT or low[at] in _NOW or (at < cue and tokens.raw[at] in _LETTERS):
            return False
        paused |= low[at] == ","
    return False


def _is_said_by_others(tokens: Tokens, cue: int) -> bool:
    """Whether the sentence is of the kind "some might say that the answer is"."""
    low = tokens.low
    for at in range(cue, max(1, cue - _NEAR), -1):
        if low[at] in STOPS or low[at] in BUT:
            return False
        others = at - 1 - (low[at - 1] == "would")
        if low[at] in OTHERS_SAY and low[others] in OTHERS and low[others - 1] not in ("i", "we"):
            return True
    return False


def is_elsewhere(tokens: Tokens, one: Mention) -> bool:
    """Whether the sentence is of the kind "for a different picture, the answer would be"; it corrects no other one."""
    low = tokens.low
    first, last = one.first, one.last
    if WOULD.isdisjoint(low[max(0, first - _SENTENCE) : last + _SENTENCE]):
        return False
    while first > max(1, one.first - _SENTENCE) and low[first - 1] not in STOPS and low[first - 1] != ":":
        first -= 1
    while last < min(len(low) - 2, one.last + _SENTENCE) and low[last + 1] not in STOPS:
        last += 1
    sentence = low[first : last + 1]
    if WOULD.isdisjoint(sentence):
        return False
    if not ELSEWHERE.isdisjoint(sentence) or any(pair in _OTHER_PLACE for pair in pairwise(sentence)):
        return True
    if sentence[0] in ("for", "in"):
        return sentence[1] in ("a", "an")
    return sentence[0] in WITH and sentence[1] not in _GIVEN


def is_withdrawn(tokens: Tokens, one: Mention, until: int) -> bool:
    """Whether "no, that is wrong" or the like follows a mention, or its sentence, and stands before ``until``."""
    low, adjacent, corrected = tokens.low, True, False
    until = min(one.last + _SENTENCE, len(low) - 1, until)
    if _WITHDRAWALS.isdisjoint(low[one.last + 1 : until]):
        return False
    for at in range(one.last + 1, until):
        word = low[at]
        if word in STOPS:
            corrected = False
        elif word in _YET:
            corrected = True
        elif tokens.has(at, CORRECTION) and (low[at - 1] in STOPS or low[at - 1] == "," or corrected):
            corrected = True
            if word in _NO and not any(map(str.isalnum, "".join(low[at + 1 : at + 4]))):
                return True
        elif word in THAT or (word in IT and corrected):
            return (adjacent or corrected) and _is_called_wrong(tokens, at)
        elif corrected and word in LINK and low[at - 1] in PAUSES:
            return _is_called_wrong(tokens, at - 1)
        elif not (word in PAUSES or word in BUT or word in HEDGE):
            adjacent = False
    return False


def _is_called_wrong(tokens: Tokens, subject: int) -> bool:
    """Whether nothing but "is wrong", "cannot be right" or the like is said of the "that" before it."""
    low, denied = tokens.low, "n't" in tokens.low[subject]
    for at in range(subject + 1, min(subject + _NEAR, len(low) - 1)):
        word = low[at]
        if word in STOPS:
            return False
        if word in WRONG or (denied and (word in RIGHT or word == "it")):
            after = low[at + 1]
            return after in STOPS or after in PAUSES or after in _EITHER or not after.isascii()
        denied |= word in NOT
    return False
