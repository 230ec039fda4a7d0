"""Where a clause ends: what stands before is said by itself."""

from models.suites.denial_words import NOT
from models.suites.tokens import LETTERS, PAUSES, STOPS, Tokens
from models.suites.vocabulary import AFTERTHOUGHT, BECAUSE, OPTION, SENTENCE_BEGINS

_ASIDE = 16
"""Words in brackets that are looked at."""


def ends_clause(tokens: Tokens, at: int) -> bool:
    """Whether the clause ends before the token, or a reason, an afterthought or a contrast follows."""
    word = tokens.low[at]
    if word in STOPS or word in PAUSES or tokens.raw[at] in SENTENCE_BEGINS or tokens.starts_with(at, BECAUSE):
        return True
    if (word in OPTION and tokens.low[at + 1] in STOPS) or tokens.starts_with(at, AFTERTHOUGHT):
        return True
    if tokens.starts_with(at, NOT):
        return tokens.raw[at + 1 + (word not in NOT)] in LETTERS
    return tokens.gaps[at] != "" and _opens_aside(tokens, at)


def _opens_aside(tokens: Tokens, at: int) -> bool:
    """Whether a bracket opens before the token and closes at the end of its sentence: "B (confidence: 90%)"."""
    gaps, low = tokens.gaps, tokens.low
    if not gaps[at].lstrip("*)]}$").startswith(("(", "[")):
        return False
    for end in range(at + 1, min(at + _ASIDE, len(low))):
        if gaps[end].startswith((")", "]")) or low[end] in STOPS:
            return low[end] in STOPS
    return False
