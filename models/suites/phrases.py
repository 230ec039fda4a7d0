"""What tokens must know of the words that the rules look for."""

import re

from models.suites.denial_words import EXCEPT, FORMER, IDIOMS, IF, NOT, OTHER_ANSWER, OTHERWISE, THAT, WRONG
from models.suites.vocabulary import (
    ALSO,
    ANSWER,
    ARTICLE,
    BECAUSE,
    BUT,
    CHOOSE,
    CORRECTION,
    HEDGE,
    LINK,
    OPTION,
    RIGHT,
    SAY,
)
from models.suites.word_tables import UNSPACED
from models.suites.yes_no_words import YES_NO

_ALL = frozenset().union(
    *(ANSWER, OPTION, LINK, CHOOSE, SAY, CORRECTION, RIGHT, HEDGE, ARTICLE, ALSO, BUT, BECAUSE, YES_NO),
    *(NOT, WRONG, IDIOMS, IF, OTHER_ANSWER, FORMER, OTHERWISE, THAT, EXCEPT),
)
PHRASE_ENDS = frozenset(word.split()[1] for word in _ALL if " " in word)
"""Second words of the phrases above, which all have two."""
RUNS = sorted((word for word in _ALL if re.fullmatch(f"[{UNSPACED}]+", word)), key=lambda word: (-len(word), word))
"""The words of scripts without spaces, the longest first."""
