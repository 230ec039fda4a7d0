"""Where sentences end in what models write: any script, lists, Markdown. One pass over each line, so time is linear.

A mark ends a sentence unless what stands around it says otherwise: a decimal, an abbreviation, an initial, an ellipsis
or a closing quote before lower case. Where a text has no marks its lines are its sentences.
"""

import re
from collections.abc import Sequence

from models.abbreviations import BEFORE_NAMES, LABELS, NUMBERED, STARTERS, Following, abbreviates
from models.markers import Marker, list_letters, read_markers

COMMON_MARKS = ".!?…‽‼⁇⁈⁉"
"""They close sentences of every script."""
OTHER_MARKS = "。！？｡．︒︕︖﹒﹖﹗։؝؞؟۔܀܁܂߹।॥။።፧፨᙮។៕᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿།༎꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫׃\u037e"
"""They close sentences of the scripts that have them (Unicode's property Sentence_Terminal, without commas)."""
QUOTES = "\"'”’“‘»«›‹)]}」』】〉》〕〗）］｝＂＇"
EMPHASIS = "*_~`"
_OPENING = re.escape("\"'“”‘’„‚«»‹›([{「『【〈《〔（［｛¿¡*_~`")
_TOKEN = re.compile(
    rf"(?P<marks>\.(?:[ \u00a0]\.){{2,}}+|[{re.escape(COMMON_MARKS + OTHER_MARKS)}]++)"
    rf"(?P<closers>(?:[{re.escape(QUOTES + EMPHASIS)}]|[ \u00a0\u202f]»|\[\d{{1,3}}\](?!\w)|[¹²³⁰-⁹])*+)"
    r"|(?P<typed>(?<=[Ͱ-Ͽἀ-῿][Ͱ-Ͽἀ-῿]);|(?<=[ա-և]):)"  # a Greek's question mark, an Armenian's full stop
    r"|(?P<colon>:)\s++(?=\(?[1a]\)\s|1\.\s++[^\W\d]|[①•])"
    r"|(?P<item>(?<=\s)(?:\(?(?:\d{1,3}|[A-Za-z])\)|[•▪▫◦‣⁃●○■□►➤✓✔])(?=\s)|[①-⑳❶-❿⑴-⒇⒈-⒛㈠-㈩])"
)
_NEXT = re.compile(rf"(?P<space>\s*+)[{_OPENING}]*+(?P<word>\w{{0,24}}+)")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]")
_QUOTED_WITHIN = re.compile("[とはがをのにでも的地字等、，,;；:：]|って|など|[他她它我你们人]{0,3}[说喊问叫道写]")
"""After a closing quote these go on with the sentence around the quotation."""
_OTHER_LETTER = re.compile("[\u0531-\u1cff\u2d00-\ua71f\ua800-\U0003ffff]")
_UNMARKED_LETTER = re.compile("[\u0e00-\u0eff]")  # Thai and Lao
_CLOSED_BY = {"'": "'", "‘": "’", '"': '"', "“": "”", "„": "“”", "«": "»", "「": "」", "『": "』", "(": ")"}
_CLOSED_BY |= {"（": "）", "《": "》"}
_QUOTATION = re.compile(r"[\"“”„«»「」『』()（）《》]|(?<![^\s(:])['‘](?=\S)|['’](?!\w)")
"""Single quotes are apostrophes, too: they open after white space and close before no letter."""
_CLOSING_SINGLE = re.compile(r"['’](?!\w)")
_MAX_QUOTATION = 300
"""Characters that are looked at on either side for the quotes around a mark."""
_TAKES_NUMBER = STARTERS | BEFORE_NAMES | LABELS | NUMBERED | {"number", "reads", "says", "than", "equals", "player"}
_LOOK_BACK = 40
"""Characters before a period that are looked at: the abbreviation and the word before it."""


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with its mark; text without one at the end of a line is kept as it is.

    Lines are split. List markers and Markdown's marks of headings and quotations are dropped, also numbers that count
    up inside a line ("1) … 2) …"). Nothing else is lost.
    """
    lines = [line.strip() for line in text.splitlines()]
    letters = list_letters(lines)
    return [sentence for line in lines for sentence in _split_line(line, letters)]


def join_sentences(sentences: Sequence[str]) -> str:
    """A text that falls into these sentences again: joined by a space, or by a line's end where that alone parts."""
    text = ""
    for number, sentence in enumerate(sentences):
        pair = list(sentences[number - 1 : number + 1])
        parted = any(mark.isalnum() for mark in sentence) and split_sentences(" ".join(pair)) == pair
        text += sentence if not number else f"{' ' if parted else chr(10)}{sentence}"
    return text


def is_closed(sentence: str) -> bool:
    """Whether a sentence has words and ends with a mark of its script. Thai and Lao have no marks and need none."""
    core = sentence.rstrip(f"{QUOTES}{EMPHASIS} \t\u00a0\u202f")
    letters = [mark for mark in core if mark.isalpha()]
    if not any(mark.isalnum() for mark in core):
        return False
    if core[-1] in COMMON_MARKS:
        return True
    if core[-1] in OTHER_MARKS:
        return not letters or any(map(_OTHER_LETTER.match, letters))
    typed = _TOKEN.match(core, len(core) - 1)
    return bool(typed and typed["typed"]) or bool(letters and _UNMARKED_LETTER.match(letters[-1]))


def _split_line(line: str, letters: frozenset[str]) -> list[str]:
    found: list[str] = []
    marker = read_markers(line, 0, letters)
    match = _TOKEN.search(line, marker.end)
    while match is not None:
        end = _end(line, marker, match)
        if end is not None:
            found.append(marker.kept + line[marker.end : end].strip())
            marker = read_markers(line, end, letters)
        match = _TOKEN.search(line, max(marker.end, match.end()))
    found.append(marker.kept + line[marker.end :].strip())
    return [sentence for sentence in found if sentence]


def _is_quoted(line: str, begin: int, match: re.Match[str]) -> bool:
    """Whether a token stands inside a quotation or brackets that begin inside the sentence and end after the token."""
    at, end, closing = match.start(), match.end(), ""
    for quote in _QUOTATION.finditer(line, max(begin + 1, at - _MAX_QUOTATION), at):
        if closing and quote[0] in closing:
            closing = ""
        elif not closing and quote[0] in _CLOSED_BY and _opens(line, quote.start()):
            closing = _CLOSED_BY[quote[0]]
    if not closing or set(closing) & set(match["closers"] or ""):
        return False
    if closing in "'’":
        return _CLOSING_SINGLE.search(line, end, end + _MAX_QUOTATION) is not None
    return any(line.find(mark, end, end + _MAX_QUOTATION) >= 0 for mark in closing)


def _opens(line: str, at: int) -> bool:
    """Whether a quotation mark at this place can begin a quotation: a straight one begins it after white space."""
    return line[at] != '"' or at == 0 or line[at - 1].isspace() or line[at - 1] in "(:"


def _end(line: str, marker: Marker, match: re.Match[str]) -> int | None:
    """Where the sentence after ``marker`` ends, if it does at this token; ``None`` if it goes on."""
    if _is_quoted(line, marker.end, match):
        return None
    item = match.end() - len(marker.expected)
    if marker.expected and line.startswith(marker.expected, item) and _counts_on(line, marker, item):
        return item
    if match["item"]:
        return None
    if match["colon"]:
        return match.start() + 1
    if match["marks"] and not _ends(line, marker.end, match):
        return None
    return match.end()


def _counts_on(line: str, marker: Marker, item: int) -> bool:
    """Whether the next number of a list, found inside its line, begins an item: "2." may also belong to a sentence."""
    if item <= marker.end or not (line[item - 1].isspace() or not marker.expected[0].isascii()):
        return False
    words = _words_before(line, marker.end, item)
    return bool(words) and not (marker.expected.endswith(".") and words[-1].casefold() in _TAKES_NUMBER)


def _ends(line: str, begin: int, match: re.Match[str]) -> bool:
    marks, at, end = match["marks"], match.start(), match.end()
    follows = _NEXT.match(line, end)
    if end == len(line) or follows is None:
        return True
    word_at = follows.start("word")
    after = Following(line[word_at : word_at + 1], follows["word"], line[follows.end() : follows.end() + 1])
    quoted = any(mark in QUOTES for mark in match["closers"])
    spaced = follows["space"] != ""
    before = line[max(begin, at - 1) : at]
    if marks[-1] in OTHER_MARKS:
        decimal = before.isdigit() and line[end].isdigit()
        return not decimal and not (quoted and _QUOTED_WITHIN.match(line, end))
    if not spaced:
        return _ends_without_space(line, begin, at, marks, after, line[end])
    if line[follows.end("space")] in ",;:)]}»" or (quoted and (after.first.islower() or after.first in "–—")):
        return False
    if "…" in marks or "..." in marks.replace(" ", "").replace("\u00a0", ""):
        closing = after.first.isupper() or not (
            after.first.islower() or after.first.isdigit() or _CJK.match(after.first)
        )
        return closing or "!" in marks or "?" in marks
    words = _words_before(line, begin, at)
    if marks == "!":
        named = len(words) > 1 and words[-1][:1].isupper() and not words[-1].isupper()  # "Yahoo! is written"
        return not (named and after.first.islower())
    return marks != "." or not abbreviates(words, after)


def _ends_without_space(line: str, begin: int, at: int, marks: str, after: Following, following: str) -> bool:
    """Whether a mark ends a sentence though no space follows: before CJK, or before a word that begins sentences."""
    if "…" in marks:
        return False
    if _CJK.match(following):
        return marks[-1] in "!?" or _CJK.match(line[max(begin, at - 1) : at]) is not None
    words = _words_before(line, begin, at)
    plain = marks in (".", "!", "?") and bool(words) and words[-1].isalpha() and len(words[-1]) > 1
    return plain and words[-1][1:].islower() and after.word.istitle() and after.starts and after.then == " "


def _words_before(line: str, begin: int, end: int) -> list[str]:
    """The last two words before a position, quotes, brackets and emphasis left aside."""
    text = line[max(begin, end - _LOOK_BACK) : end]
    # Of "(e.g", "non-U.S" and "c.-à-d" the last part counts.
    return [
        re.split(r"[(\[/]|(?<=\w)-(?=\w)", word.strip(QUOTES + EMPHASIS + "“‘„«([{,;:"))[-1]
        for word in text.split()[-2:]
    ]
