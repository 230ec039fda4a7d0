"""What takes back what a reply seems to say: denials, suppositions, and what others are said to say."""

from models.suites.denial_words import ASIDE, IDIOMS, IF, NOT, OTHERS, OTHERS_SAY, PRESENT, WOULD, WRONG
from models.suites.mentions import Mention
from models.suites.tokens import BEGIN, PAUSES, STOPS, Tokens
from models.suites.vocabulary import ALSO, BUT, HEDGE, LINK, OPTION

NEAR = 8
"""How many words to the left and right are looked at: every rule sees a fixed stretch, so that time stays linear."""
_SENTENCE = 25
"""How far back a sentence's "if" is looked for."""
_ASKED = frozenset(["i", "we", "forced", "asked", "pressed", "ich", "je", "必须", "要", "一定"])
"""After an "if" that supposes nothing: "if I had to choose"."""
_DO = frozenset(["does", "do", "did", "has", "have", "can", "could", "的", "was"])
PLURAL = frozenset(["are", "were", "both", "all", "have", "do", "can", "sont", "sind", "son", "sono", "são"])
"""After several names, what is said of all of them."""


def is_denial(tokens: Tokens, at: int) -> bool:
    """Whether the token denies what follows, and is no part of a phrase that denies nothing ("no doubt")."""
    if not tokens.has(at, NOT):
        return False
    low = tokens.low
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


def holds(tokens: Tokens, cue: int) -> bool:
    """Whether the word that announces an answer is meant: not itself denied, supposed, asked, or said by others."""
    for at in range(cue - 1, max(0, cue - NEAR), -1):
        word = tokens.low[at]
        if is_denial(tokens, at) or word in WRONG or word in IF:
            return False
        if not (word in ASIDE or word in HEDGE or word in OPTION):
            break
    return not is_supposed(tokens, cue) and not _is_said_by_others(tokens, cue)


def is_supposed(tokens: Tokens, cue: int) -> bool:
    """Whether the sentence is of the kind "if it were …, the answer would be" or "had it …, the answer would be"."""
    low = tokens.low
    would = any(word in WOULD for word in low[cue + 1 : cue + 5])
    for at in range(cue, max(0, cue - _SENTENCE), -1):
        word = low[at]
        if word in STOPS:
            return False
        would |= word in WOULD
        if word in IF or (word in ("had", "were") and (low[at - 1] in STOPS or low[at - 1] in PAUSES)):
            return would and not _ASKED & set(low[at + 1 : at + 4])
    return False


def _is_said_by_others(tokens: Tokens, cue: int) -> bool:
    """Whether the sentence is of the kind "some might say that the answer is"."""
    low = tokens.low
    for at in range(cue, max(1, cue - NEAR), -1):
        if low[at] in STOPS:
            return False
        if low[at] in OTHERS_SAY and low[at - 1] in OTHERS and low[at - 2] not in ("i", "we"):
            return True
    return False
