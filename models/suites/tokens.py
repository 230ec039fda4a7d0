"""A reply as a row of words and marks, so that rules can look to the left and right of any of them."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass

from models.reasoning import ANSWER_END, ANSWER_TAG
from models.suites.denial_words import CROSSES
from models.suites.formulas import without_latex
from models.suites.phrases import PHRASE_ENDS, RUNS
from models.suites.vocabulary import ANSWER, OPTION, TICKS
from models.suites.word_tables import UNSPACED

LETTERS = "ABCDEFGH"
BEGIN = "<answer>"
"""The token of every tag or box that announces an answer."""
STOPS = frozenset(["", "\n", "|", ".", "!", "?", ";", "…", "。", "।", "؟", "۔", BEGIN])
"""Where a sentence ends; the empty word stands before the first and after the last token."""
EMPTY, FILLED = frozenset("☐○◯⚪□⬜🔲"), frozenset("●◉⦿🔘⚫■☒")
"""Boxes and circles before the items of a form, or mere bullets."""
PAUSES = frozenset([",", ":", "、", "،", "-", "–", "—", "•", "·", "->"]) | EMPTY | FILLED
"""Where a clause ends."""

_WRAPPERS = frozenset("\"'`“”‘’«»„‚()[]{}<>【】「」『』《》〈〉〔〕*_$#~\\\u200b\u200d\u2060\ufe0e\ufe0f\ufeff")
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u0670\u0900-\u0903"
    "\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09d7"
)
"""Vowel signs and accents that Python does not count among letters."""


def _pattern(letter: str, runs: str) -> re.Pattern[str]:
    """Of one token with the spaces before it. What is frequent stands first: extraction spends its time here."""
    return re.compile(
        rf"""[^\S\n]*+(?:
          (?P<word> (?:[A-Za-z]\.){{2,}}+[A-Za-z]?+(?![A-Za-z]) | \d++(?:[.,:/]\d++)*+
            | {letter}++(?:(?:['+-]|_++){letter}++)*+ {runs} )
        | (?P<mark> [.,;:!?\n] )
        | (?P<arrow> ->|=>|→|⇒ | \\(?:to|implies|(?:long|Long)?[rR]ightarrow)\b )
        | (?P<begin> \\(?:boxed|fbox|framebox)\b\s*+\{{?+ | (?=[<\[])(?i:{ANSWER_TAG}) )
        | (?P<end> (?=[<\[])(?i:{ANSWER_END}) )
        | (?P<style> ~~[^~]{{1,300}}~~ | \*\*++ | __++ | \\[^A-Za-z\s]
            | \\(?:text|math|operatorname|mbox|rm|bf|sf|it|left|right|display|[lL]arge|q?quad|underline|emph)[A-Za-z]*+
                \s*+\{{?+
            | <(?: b>(?=[^<]{{1,80}}</b>) | /b>
                | /?(?:strong|em|[ipsu]|span|div|br|center|code|font|h[1-6]|[uo]?l|li|option|letter)\s?/?>
                | (?:eos|/s|bos|(?:end|start)_of_turn)> | \|[\w.-]{{1,40}}\|> ) )
        | (?<![^\s|]) (?P<box> \[[\ xX✓✔*]?\] | \([\ xX✓✔]\) ) (?=\s)
        | (?P<command> \\[A-Za-z]++ )
        | (?P<other> \S )
        )""",
        re.VERBOSE,
    )


_ASCII = _pattern("[A-Za-z0-9]", "")
_ANY = _pattern(rf"(?:[^\W_{UNSPACED}]|[{_MARKS}])", "|" + "|".join(RUNS))
_MARKS_OF_OPTIONS = TICKS | CROSSES | EMPTY | FILLED
_SAME = {"begin": BEGIN, "end": "\n", "arrow": "->"}
_BOLD = frozenset(["__", "<b>", "</b>", "<strong>", "</strong>"])
_CAMEL = re.compile("[a-z]+[A-Z][a-zA-Z]+")
_KEY_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^a-zA-Z_]+")
_SINGLES = frozenset(LETTERS + LETTERS.lower())
_ALIKE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # full-width forms
_ALIKE |= {
    start + number: ord(letter)
    for start in (0x24B6, 0x1F110, 0x1F130, 0x1F150, 0x1F170, 0x1D400, 0x1D434, 0x1D468, 0x1D5A0, 0x1D5D4, 0x1D670)
    for number, letter in enumerate(LETTERS)
}  # circled, squared, mathematical letters
_ALIKE |= {
    ord("’"): ord("'"),
    ord("′"): ord("'"),
    ord("−"): ord("-"),
    0xA0: ord(" "),
    0x202F: ord(" "),
    0x3000: ord(" "),
}


def plain(text: str) -> str:
    """The text without LaTeX, with full-width forms, letters in circles and typographic marks as ASCII has them."""
    if "\\" in text:
        text = without_latex(text)
    return text if text.isascii() else text.translate(_ALIKE)


def lower(text: str) -> str:
    """The text in lower case, character by character, so that every place stays where it is."""
    found = text.lower()
    return found if len(found) == len(text) else "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words and marks of a reply, between two empty ones; quotes, brackets and emphasis stand in the gaps."""

    text: str
    """The reply, plain (see ``plain``)."""
    raw: list[str]
    low: list[str]
    gaps: list[str]
    """Quotes, brackets, emphasis and styles right before each token."""
    starts: list[int]
    """Where each token begins in the text."""
    singles: list[int]
    """The tokens that are one Latin letter from A to H, in either case."""

    def has(self, at: int, words: Container[str]) -> bool:
        """Whether the token, or it with the one before it, is one of the words or phrases."""
        word = self.low[at]
        return word in words or (word in PHRASE_ENDS and f"{self.low[at - 1]} {word}" in words)

    def starts_with(self, at: int, words: Container[str]) -> bool:
        """Whether the token, or it with the one after it, is one of the words or phrases."""
        return self.low[at] in words or (
            self.low[at + 1 : at + 2] != []
            and self.low[at + 1] in PHRASE_ENDS
            and f"{self.low[at]} {self.low[at + 1]}" in words
        )

    def glued(self, at: int) -> bool:
        """Whether nothing at all stands between the token and the one before it."""
        return self.starts[at - 1] + len(self.raw[at - 1]) == self.starts[at]


def _is_picture(token: str) -> bool:
    """Whether it is an emoji or the like that says nothing."""
    return token > "\u2000" and unicodedata.category(token) == "So" and token not in _MARKS_OF_OPTIONS


def _key_words(token: str) -> list[re.Match[str]]:
    """The words of a key of JSON that names an answer: "final_answer", "correctOption"; else none."""
    words = list(_KEY_WORD.finditer(token))
    return words if any(word[0].lower() in ANSWER or word[0].lower() in OPTION for word in words) else []


def tokens_of(reply: str) -> Tokens:
    """The tokens of a reply."""
    text = plain(reply).rstrip()
    found = Tokens(text, [""], [""], [""], [0], [])
    raw, low, gaps, starts = found.raw, found.low, found.gaps, found.starts
    gap, keyed = "", "_" in text or '"' in text
    for match in (_ASCII if text.isascii() else _ANY).finditer(text):
        kind = match.lastgroup or ""
        token = match[kind]
        if kind == "style" or (kind == "other" and (token in _WRAPPERS or _is_picture(token))):
            gap += "**" if token in _BOLD else token
            continue
        starts.append(match.start(kind))
        if kind == "word":
            if token in _SINGLES:
                found.singles.append(len(raw))
            elif keyed and ("_" in token or _CAMEL.fullmatch(token)) and (words := _key_words(token)):
                begin = starts.pop()
                raw += [word[0] for word in words]
                low += [word[0].lower() for word in words]
                gaps += [gap] + [""] * (len(words) - 1)
                starts += [begin + word.start() for word in words]
                gap = ""
                continue
        elif kind in _SAME:
            token = _SAME[kind]
        elif kind == "box":
            token = "☐" if token[1:-1].strip() == "" else "☑"
        raw.append(token)
        low.append(token.lower())
        gaps.append(gap)
        gap = ""
    raw.append("")
    low.append("")
    gaps.append(gap)
    starts.append(len(text))
    return found
