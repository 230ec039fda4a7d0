"""Options' texts in a reply: whole words and numbers, in any case, in scripts with and without spaces."""

import re
from collections.abc import Sequence
from functools import lru_cache

from models.suites.tokens import lower, plain
from models.suites.word_tables import UNSPACED_WORD

_SPACES = str.maketrans("\n\t\r\f\v", "     ")
_EDGES = " \t\n.,;:!?\"'`*“”‘’。，$"
_SUFFIXES = ("-color", "-colour", "-hand", "-side", "-shaped")
"""After a hyphen: the word before still says what it says."""


def said_options(text: str, options: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where options' texts stand as whole words: start, end, number of the option, by place.

    One inside the text of a longer one does not count.
    """
    low = lower(text).translate(_SPACES)
    found = []
    for number, option in enumerate(options):
        for form in _forms(option):
            start = low.find(form)
            while start >= 0:
                end = start + len(form)
                if is_whole(low, start, end) and (len(form) > 1 or _stands_alone(text, start, option)):
                    found.append((start, -end, number))
                start = low.find(form, start + 1)
    kept: list[tuple[int, int, int]] = []
    for start, minus_end, number in sorted(found):
        span = (start, -minus_end)
        if not kept or span[1] > kept[-1][1] or span == kept[-1][:2]:
            kept.append((*span, number))
    return kept


def _stands_alone(text: str, start: int, option: str) -> bool:
    """Whether a text of one letter is said in its own case and is no article or pronoun before a word."""
    bare = plain(option).strip(_EDGES) or option
    if not (bare.isascii() and bare.isalpha()):
        return True
    return text[start] == bare and not re.match(r" \w", text[start + 1 : start + 3])


@lru_cache(maxsize=4096)
def _forms(option: str) -> tuple[str, ...]:
    """The ways in which an option's text may be written: hyphens or spaces, thousands, a unit with or without space."""
    text = " ".join(lower(plain(option)).split())
    bare = text.strip(_EDGES) or text
    forms = [bare]
    if re.search(r"[^\W\d_][ -][^\W\d_]", bare):
        forms += [bare.replace(" ", "-"), re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])", " ", bare)]
    if bare[:1].isdigit() or bare[-1:].isdigit():
        if re.fullmatch(r"\d{1,3}(?:,\d{3})+", bare):
            forms.append(bare.replace(",", ""))
        elif re.fullmatch(r"\d{4,15}", bare):
            forms.append(f"{int(bare):,}")
    if unit := re.fullmatch(r"(\d[\d.,]*)( ?)([^\W\d_]{1,5}|%|°[cf]?)", bare):
        forms.append(unit[1] + ("" if unit[2] else " ") + unit[3])
    return tuple(dict.fromkeys(form for form in forms if form))


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether a stretch of lower-case text is whole words and numbers there: no part of a longer one."""
    first, last = text[start], text[end - 1]
    before, after = text[start - 1 : start], text[end : end + 1]
    if first.isalnum() and not UNSPACED_WORD.match(first) and before and not _free_before(text, start, first.isdigit()):
        return False
    if first in "-." and (before.isalnum() or before == first):
        return False
    if not last.isalnum():
        return last not in "+*#<>=" or after != last
    return not after or UNSPACED_WORD.match(last) is not None or _free_after(text, end, last.isdigit())


def _free_before(text: str, start: int, number: bool) -> bool:
    before, further = text[start - 1], text[start - 2 : start - 1]
    if number and UNSPACED_WORD.match(before):
        return before not in "第"
    if UNSPACED_WORD.match(before):
        return True
    if before.isalnum() or before == "_":
        return False
    if not number:
        return before not in "-’" or not further.isalnum()
    if before in ".-−√^±":
        return before == "." and not further.isdigit() and further != "" and not further.isspace()
    if before in ",/:–":
        return not further.isdigit()
    if before == " " and further.isdigit() and re.match(r"\d{3}(?!\d)", text[start : start + 4]):
        return re.search(r"(?<![\d.,])\d{1,3} $", text[max(0, start - 6) : start]) is None
    return re.match(r"\d+/\d", text[start : start + 12]) is None or not (before == " " and further.isdigit())


def _free_after(text: str, end: int, number: bool) -> bool:
    after, further = text[end], text[end + 1 : end + 2]
    if UNSPACED_WORD.match(after):
        return True
    if after.isalnum() or after == "_":
        return False
    if after in "+#":
        return False
    if after == "-":
        return not further.isalnum() or text.startswith(_SUFFIXES, end)
    if not number:
        return after != "'" or not further.isalnum() or (further == "s" and not text[end + 2 : end + 3].isalnum())
    if after in ".,/:–":
        return not further.isdigit()
    if after == " " and further.isdigit():
        return re.match(r" \d{3}(?![\d.,])(?! ?\w)| \d+/\d", text[end : end + 12]) is None
    return True
