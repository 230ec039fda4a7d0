"""How tables of words are written: a language's words follow its ISO 639 code, in lower case; ``_`` stands for a space.

Scripts without spaces are matched inside their runs, the others word by word.
"""

import re

UNSPACED = "\u0e00-\u0eff\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af"
"""Inside a character class: scripts in which words run into each other, or into their particles (Korean)."""

UNSPACED_WORD = re.compile(f"[{UNSPACED}]")
"""Matches a word of such a script."""


def words(table: str) -> frozenset[str]:
    """The words and phrases of a table."""
    found = (word for word in table.split() if not re.fullmatch("[a-z]{2}:", word))
    return frozenset(word.replace("_", " ") for word in found)
