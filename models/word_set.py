"""Words of a text, and sets of words written as a text."""

import re

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0eff]|\w+")
"""A word; a character counts where a script has no spaces between words."""


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())
