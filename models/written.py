"""The statements in a reply that was asked for plain sentences, without what models put around them.

Off come reasoning, tags, code fences, JSON, preambles ("Here are the edits:"), titles, labels ("Step 1:"), emphasis,
quotes around a whole sentence, closing remarks ("Let me know if …") and a refined caption that nobody asked for. Of a
reply that was asked for a caption, that is what is read.
"""

import json
import re
from collections.abc import Iterator

from models.reasoning import strip_reasoning
from models.sentences import join_sentences, split_sentences

_THINGS = (
    r"(?:edits?|operations?|changes?|modifications?|corrections?|refinements?|adjustments?|suggestions?|instructions?"
    r"|sentences?|steps?|differences?|improvements?)"
)
_FENCE = re.compile(
    r"(?:```|~~~)(?:(?:json\w{0,2}|python|te?xt|plaintext|markdown|md|ya?ml|xml|html|js|javascript)\b)?", re.I
)
_TAG = re.compile(
    r"</?(?:answer|edit|operation|correction|refinement|output|response|result|item|ul|ol|li|p|br)s? ?/?>", re.I
)
_INLINE_TAG = re.compile(r"</?(?:b|i|u|strong|em|code)>", re.I)
_OPEN_JSON = re.compile(r"^[ \t]*[\[{](?=\s*+(?:[\"'\[{]|[\]}]\s*+\Z))", re.MULTILINE)
_BETWEEN_JSON = re.compile(r"[\s,]*+(?=[\[{])")
_STRING = re.compile(
    r""""(?P<text>(?:[^"\\]|\\.)*+)(?:"(?P<key>\s*+:)?|(?P<cut>$))|(?<=[\[,\s])'(?P<single>[^\n]{1,400}?)'(?=\s?[,\]])""",
    re.DOTALL,
)
_SENTENCE_KEYS = ("operation", "edit", "instruction", "sentence", "correction", "refinement", "text", "description")
_REFINED_CAPTION = re.compile(
    r"^[ \t#>*_-]*+(?:the )?(?:refined|revised|corrected|updated|new|improved|final) "
    r"(?:caption|description)\b[*_ ]*+(?:is\b ?)?[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_CAPTION_TITLE = re.compile(
    r"^[ \t#>*_-]*+(?:(?:sure|certainly|of course|okay)\b[,.! ]*+)?(?:here(?:'s|’s| is) )?(?:(?:the|a|my|your) )?"
    r"(?:(?:refined|revised|corrected|updated|new|improved|final|rewritten|detailed) )?"
    r"(?:caption|description)(?: (?:of|for) (?:the|this|your) image)?[*_ ]*+(?:is\b ?)?[:：][*_ ]*+",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\n[ \t]*+\n")
_LABEL = re.compile(
    r"\[?(?:the )?(?:step|edit|operation|change|modification|instruction|correction|refinement|suggestion"
    r"|difference|task|item)"
    r" ?\#?\d{1,2} ?(?:[\]:：.)]{1,2}|[-–—](?=\s))\s*"
    r"|(?:first|second|third|fourth|fifth|next|last) (?:edit|operation|change|modification|correction) ?[:：]\s*"
    r"|(?:final )?(?:answer|changes?|modifications?|corrections?|refinements?|edits?|operations?|output|response"
    r"|result) ?[:：]\s*",
    re.IGNORECASE,
)
_ASSENT = r"(?:sure|certainly|of course|absolutely|okay|ok|alright|great|understood|got it)(?: thing)?\b[\s,.!:]*+"
_ONLY_ASSENT = re.compile(_ASSENT, re.IGNORECASE)
_OPENER = re.compile(
    rf"(?:{_ASSENT})?(?:(?:here(?:'s|’s| are| is)|below (?:are|is)|these are|(?:the )?following)\b.*?\b{_THINGS}\b"
    r"|(?:i|we)(?:'d|’d|'ve|’ve)? (?:(?:would|will|can|have|could) )?"
    r"(?:suggest|propose|recommend|list|write|made|make|identified|identify|picked|pick)(?:ed)?"
    rf"(?: (?:the|these|some|a|few|two|three|\d|list|of|following|visual|possible|necessary)\b)*+ {_THINGS}\b)",
    re.IGNORECASE,
)
"""A preamble: it announces things, or says that somebody suggests some; "I suggest removing the step" states one."""
_TITLE = re.compile(
    r"(?:(?:the|my|some|two|three|\d|proposed|suggested|possible|recommended|requested|required|needed|necessary|visual|image"
    rf"|caption|key|main|final|list|of|following|all) ){{0,5}}{_THINGS.replace('s?', 's')}"
    r"(?: (?:for|to|of|in) the (?:image|caption|picture))?",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"let me know|feel free|please (?:let|feel|tell|note)\b|i hope\b|hope (?:this|that|these)\b|would you like"
    r"|do you want|if you (?:need|want|would|have|'d|’d)\b|is there anything|thank you|thanks\b|as an ai\b"
    r"|i(?:'m| am|’m) sorry\b|sorry\b|(?:this|these|those|all (?:of )?these)(?: \w+)? (?:edits?|operations?|changes?"
    r"|modifications?|corrections?|refinements?|adjustments?|suggestions?|instructions?)\b",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"\*{2,3}|`+|~~|(?<!\w)__(?=\S)|(?<=\S)__(?!\w)")
_LIST_COMMA = re.compile(r"(?<=[.!?。！？\"”'’])\s?[,;]$")
_STARRED = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]*)(?<=[^\s*])\*(?![\w*])")


def read_statements(reply: str) -> list[str]:
    """The sentences that a reply states, in its order."""
    text = _unwrapped(reply)
    caption = _REFINED_CAPTION.search(text)
    if caption is None:
        return _stated(text)
    # What is stated stands before the caption, or else in the paragraphs after it.
    _, *after = _BLANK_LINE.split(text[caption.end() :].lstrip(), maxsplit=1)
    return _stated(text[: caption.start()]) or _stated("".join(after))


def read_caption(reply: str) -> str:
    """The caption in a reply that was asked for one: what stands after its last title, or else all that is stated.

    A caption may speak of anything, so only its ends are looked at: a preamble before it, remarks after it.
    """
    text = _unwrapped(reply)
    titles = list(_CAPTION_TITLE.finditer(text))
    sentences = _sentences(text[titles[-1].end() :] if titles else text)
    while sentences and (sentences[0].endswith((":", "：")) or _ONLY_ASSENT.fullmatch(sentences[0])):
        sentences.pop(0)
    while sentences and _REMARK.match(sentences[-1]):
        sentences.pop()
    return join_sentences(sentences)


def _stated(text: str) -> list[str]:
    return [sentence for sentence in _sentences(text) if not _surrounds(sentence)]


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in map(_cleaned, split_sentences(text)) if any(mark.isalnum() for mark in sentence)]


def _surrounds(sentence: str) -> bool:
    """Whether a sentence is a preamble, a title or a remark about what is stated, rather than a statement."""
    if sentence.endswith((":", "：")) or _ONLY_ASSENT.fullmatch(sentence) or _REMARK.match(sentence):
        return True
    if _OPENER.match(sentence):
        return True
    return _TITLE.fullmatch(sentence.rstrip(".!")) is not None


def _cleaned(sentence: str) -> str:
    """The sentence without emphasis, labels, and quotes around the whole of it."""
    plain = _STARRED.sub(r"\1", _EMPHASIS.sub("", sentence)).strip(" |")
    plain = _LIST_COMMA.sub("", plain)
    opener, _, rest = plain.partition(": ")
    plain = rest if rest and _OPENER.match(opener) else plain
    label = _LABEL.match(plain)
    plain = plain[label.end() :] if label else plain
    for opening, closing in ('""', "''", "“”", "‘’", "«»", "「」"):
        inner = plain[1:]
        if plain.startswith(opening) and inner.endswith(closing) and not {opening, closing} & set(inner[:-1]):
            return inner[:-1].strip()
    return plain


def _unwrapped(reply: str) -> str:
    """The reply without its reasoning and tags; the inside of code fences, and of JSON one line a sentence."""
    reply = _TAG.sub("\n", _INLINE_TAG.sub("", strip_reasoning(reply)))
    pieces = _FENCE.split(reply)
    inside = "\n".join(pieces[1::2])
    text = inside if any(mark.isalnum() for mark in inside) else "\n".join(pieces)
    opening = _OPEN_JSON.search(text)
    if opening is None:
        return text
    found = _json_strings(text, opening.end() - 1)
    return text if found is None else "\n".join(" ".join(sentence.split()) for sentence in found) or "None."


def _json_strings(text: str, start: int) -> list[str] | None:
    """The sentences in JSON values that begin at ``start``, or in what is left of values that were cut off.

    ``None`` where there is no JSON.
    """
    decoder, values, at = json.JSONDecoder(), [], start
    try:
        while at >= 0:
            value, end = decoder.raw_decode(text, at)
            values.append(value)
            following = _BETWEEN_JSON.match(text, end)
            at = following.end() if following else -1
        return [sentence for value in values for sentence in _sentences_in(value)]
    except (ValueError, RecursionError):
        matches = [match for match in _STRING.finditer(text, start) if match["key"] is None and match["cut"] is None]
        return [_unquoted(match) for match in matches] or None


def _unquoted(match: re.Match[str]) -> str:
    return match["single"] or match["text"].replace('\\"', '"').replace("\\n", " ")


def _sentences_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _sentences_in(item)
    elif isinstance(value, dict):
        parts = [part for part in value.values() if isinstance(part, list | dict)]
        texts = {str(key).lower(): part for key, part in value.items() if isinstance(part, str)}
        named = [texts[key] for key in _SENTENCE_KEYS if len(texts.get(key, "").split()) > 1]
        numbered = all(any(mark.isdigit() for mark in key) for key in texts)
        yield from _sentences_in(
            parts or named[:1] or list(texts.values() if numbered else [max(texts.values(), key=len, default="")])
        )
