"""What tokens must know of the words that the rules look for."""

import re

from models.suites import denial_words, vocabulary, yes_no_words
from models.suites.word_tables import UNSPACED

_TABLES = [
    table
    for module in (vocabulary, denial_words, yes_no_words)
    for table in vars(module).values()
    if isinstance(table, frozenset)
]
_ALL = frozenset().union(*_TABLES, yes_no_words.YES_NO)
PHRASE_ENDS = frozenset(word.split()[1] for word in _ALL if " " in word)
"""Second words of the phrases of all tables, which have two."""
RUNS = sorted((word for word in _ALL if re.fullmatch(f"[{UNSPACED}]+", word)), key=lambda word: (-len(word), word))
"""The words of scripts without spaces, the longest first."""
