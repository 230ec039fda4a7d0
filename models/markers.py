"""What stands before sentences in lists: bullets, numbers, letters, Markdown's marks of headings and quotations."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from models.abbreviations import MONTHS

_MARKER = re.compile(
    r"(?P<emphasis>\*\*|__)?(?:"
    r"[-*+–—→]\s++(?:\[[ xX]\]\s++)?|\#{1,6}\s++|>++\s++|(?P<bullet>[•▪▫◦‣⁃●○■□►➤✓✔])\s*+|[·・]\s*+"
    r"|(?P<circled>[①-⑳❶-❿⑴-⒇⒈-⒛㈠-㈩])\s*+|[0-9]\ufe0f?\u20e3\s*+"
    r"|(?P<item>\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,5})\)|(?P<dotted>\d{1,3}|[A-Za-z]|[ivx]{2,5})\.)(?P=emphasis)?\s++"
    r"|[（(](?:\d{1,2}|[一二三四五六七八九十]{1,3})[)）]\s*+|[一二三四五六七八九十]{1,3}、\s*+"
    r"|\d{1,2}(?:[.)](?=[A-Z][a-z]|[\u3040-\u9fff\uac00-\ud7af])|\)(?=[^\W\d])|[、．：](?!\d)\s*+)"
    r"|\d{1,2}(?:\.\d{1,2}){1,3}[.)]\s++|\#?\d{1,2}:\s++|\#\d{1,2}[.)]\s++|\[\d{1,2}\]\s++|\d{1,2}\s++[-–—]\s++(?=[^\W\d])"
    r")(?=\S)"
)
_WORD = re.compile(r"\w{0,20}+")
_ROMAN_NEIGHBORS = {"i": {"ii"}, "v": {"iv", "vi"}, "x": {"ix", "xi"}}


@dataclass(frozen=True)
class Marker:
    """List markers that were read off, one after the other."""

    end: int
    """Where the text after them begins."""
    kept: str = ""
    """Marks of emphasis that begin before a marker and go on after it, as in ``**1. Remove** it``."""
    expected: str = ""
    """What would mark the next item on the same line; empty where nothing does."""


def read_markers(line: str, start: int, letters: frozenset[str]) -> Marker:
    """All list markers of a line from ``start`` on, white space included.

    Args:
        line: Of text.
        start: Position in it at which a sentence begins.
        letters: As ``list_letters`` gives them.
    """
    marker = Marker(_after_spaces(line, start))
    match = _match(line, marker.end, letters)
    while match is not None:
        emphasis = match["emphasis"] or ""
        kept = "" if emphasis and match[0].count(emphasis) > 1 else emphasis
        marker = Marker(match.end(), marker.kept + kept, _next_item(match) or marker.expected)
        match = _match(line, marker.end, letters)
    return marker


def list_letters(lines: Iterable[str]) -> frozenset[str]:
    """The letters, written with a period, that number lines of a text. Alone, "A." is an initial: "A. Smith waits."."""
    found = {match["dotted"] for match in map(_MARKER.match, lines) if match and match["dotted"]}
    return frozenset(letter for letter in found if len(letter) == 1 and letter.isalpha() and found & _neighbors(letter))


def _neighbors(letter: str) -> set[str]:
    return {chr(ord(letter) - 1), chr(ord(letter) + 1)} | _ROMAN_NEIGHBORS.get(letter, set())


def _after_spaces(line: str, start: int) -> int:
    while start < len(line) and line[start].isspace():
        start += 1
    return start


def _match(line: str, start: int, letters: frozenset[str]) -> re.Match[str] | None:
    match = _MARKER.match(line, start)
    if match is None or not match["dotted"]:
        return match
    if match["dotted"].isdigit():
        following = _WORD.match(line, match.end())
        return None if following and following[0].casefold() in MONTHS else match
    return match if len(match["dotted"]) > 1 or match["dotted"] in letters else None


def _next_item(match: re.Match[str]) -> str:
    if match["bullet"]:
        return match["bullet"]
    if match["circled"]:
        return chr(ord(match["circled"]) + 1)
    item = match["item"] or ""
    inner = item.strip("().")
    if inner.isdecimal():
        return item.replace(inner, str(int(inner) + 1))
    return item.replace(inner, chr(ord(inner) + 1)) if len(inner) == 1 else ""
