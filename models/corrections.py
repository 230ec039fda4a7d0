"""What the corrections of a caption say: whether one replaces a phrase by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.word_set import word_set

_MAX_WORDS = 24
"""Of a phrase that is compared; a longer one is taken for a correction."""
_EDGES = "\"'“”‘’„«»‹›「」『』()[]*_`–—.,;:!?。，"
_QUOTES = "\"'“”‘’„«»‹›「」『』`"
_CONNECTIVES = (
    ("instead", "of"),
    ("rather", "than"),
    ("as", "opposed", "to"),
    ("in", "place", "of"),
    *((arrow,) for arrow in ("→", "->", "=>", "⟶", "➔", "➜", "⇒", "-->")),
    ("not",),
)
"""Between what is right and what was said, or the other way round."""
_ARTICLES = frozenset(("a", "an", "the"))
_BEFORE_PHRASES = word_set("""
    is are was were be been being isn't it's that's there's as from has have had reads read says say said states shows
    show displays contains holds wears wearing named called labeled labelled spelled written text word number color
    colour should must but this that these those exactly actually really instead replace replaced change changed
    changes correct turn recolor rename convert swap
    """)
"""Words after which a phrase begins: "dark brown, not brown" corrects, since "dark" is none of them."""
_JOINING = word_set("of and or to with on in at by into for over under near next beside behind above below between")
"""Before them a longer phrase begins: "a statue of a dog, not a dog" corrects."""
_REPLACING = word_set(
    "from change changed changes replace replaced swap substitute turn convert correct rename recolor"
)
_NEGATED = word_set("is are was were do does did should must can could would will has have be isn't")
_TEXT_WORDS = word_set("reads read says say said spells spelled text sign letters label written title word")
_AFTER_PHRASES = frozenset(("as", "like", "because", "since", "but"))


@dataclass(frozen=True)
class _Word:
    said: str
    """As written, without marks and quotes around it."""
    opens: bool
    """Whether a phrase begins here: at an article, a quote, or after a comma."""
    quoted: bool
    closes: bool
    """Whether a clause ends here."""

    @property
    def plain(self) -> str:
        return self.said.casefold()


def without_empty_corrections(sentences: Sequence[str]) -> list[str]:
    """The sentences without repeats and without those that replace a phrase by itself ("is red, not red").

    Phrases are compared as they are written, but for case, quotes and articles: "10, not 10.5" and "3.5, not 3.50" are
    corrections. Case counts between quoted texts: 'The sign says "Stop", not "STOP".' is one, too.
    """
    firsts: dict[str, str] = {}
    for sentence in sentences:
        firsts.setdefault(" ".join(sentence.casefold().split()), sentence)
    return [sentence for sentence in firsts.values() if not _replaces_by_itself(_words(sentence))]


def _words(sentence: str) -> list[_Word]:
    found: list[_Word] = []
    opens = True
    for piece in sentence.split():
        said = piece.strip(_EDGES)
        if not said or said.casefold() in _ARTICLES:
            opens = True
            continue
        quoted = piece[0] in _QUOTES or piece.rstrip(".,;:!?")[-1:] in _QUOTES
        closes = piece.rstrip(_QUOTES + ")")[-1:] in tuple(",;:.!?–—")
        found.append(_Word(said, opens or piece[0] in _QUOTES + "(", quoted, closes))
        opens = closes
    return found


def _replaces_by_itself(words: Sequence[_Word]) -> bool:
    """Whether all that a sentence sets against each other is equal, and something is."""
    exact = any(word.plain in _TEXT_WORDS for word in words)
    found = [same for at in range(len(words)) if (same := _compare(words, at, exact)) is not None]
    return bool(found) and all(found)


def _compare(words: Sequence[_Word], at: int, exact: bool) -> bool | None:
    """Whether the words around a connective at ``at`` are equal; ``None`` where nothing is compared."""
    word = words[at].plain
    for connective in _CONNECTIVES:
        if word == connective[0] and tuple(one.plain for one in words[at : at + len(connective)]) == connective:
            break
    else:
        return _compare_replacement(words, at, exact) or None
    being = at + len(connective) < len(words) and words[at + len(connective)].plain == "being"
    start = at + len(connective) + being
    right = _phrase(words, start)
    if not right:
        return None
    after = start + len(right)
    if at == 0 or (word == "not" and words[at - 1].plain in _NEGATED):  # "not red but red", "Instead of red, it is red"
        if at and not (after < len(words) and words[after].plain == "but"):
            return None
        rest = words[after:]
        return _ends_with(rest[-_MAX_WORDS:], right, exact) if rest else None
    before = at - 1 if words[at - 1].plain in ("and", "but") else at
    return _ends_with(words[max(0, before - _MAX_WORDS - 1) : before], right, exact)


def _compare_replacement(words: Sequence[_Word], at: int, exact: bool) -> bool:
    """Whether "from X to X", "X should be X", or "says X but it is X" stands here, with equal phrases."""
    word, before = words[at].plain, words[max(0, at - _MAX_WORDS - 1) : at]
    if word in ("should", "must") and at + 1 < len(words) and words[at + 1].plain == "be":
        right = _phrase(words, at + 2)
        return bool(right) and _ends_with(before, right, exact)
    if word in ("to", "with", "into", "by"):
        right = _phrase(words, at + 1)
        start = len(before) - len(right) - 1
        return bool(right) and start >= 0 and before[start].plain in _REPLACING and _ends_with(before, right, exact)
    if word == "but" and at + 2 < len(words) and words[at + 1].plain in ("it", "they", "this", "that", "there"):
        verb = at + 3 if words[at + 2].plain in ("should", "must") else at + 2
        right = _phrase(words, verb + 1)
        return bool(right) and words[verb].plain in _NEGATED and _ends_with(before, right, exact)
    return False


def _phrase(words: Sequence[_Word], start: int) -> Sequence[_Word]:
    """The words from ``start`` to the end of the clause."""
    end = start
    while end < len(words) and end - start <= _MAX_WORDS and not (end > start and words[end].plain in _AFTER_PHRASES):
        end += 1
        if words[end - 1].closes:
            break
    return words[start:end]


def _ends_with(words: Sequence[_Word], phrase: Sequence[_Word], exact: bool) -> bool:
    """Whether words end with a phrase, and the same phrase begins there."""
    start = len(words) - len(phrase)
    if start < 0 or len(phrase) > _MAX_WORDS:
        return False
    said = exact and words[-1].quoted and phrase[-1].quoted
    pairs = zip(words[start:], phrase, strict=True)
    if not all(one.said == other.said if said else one.plain == other.plain for one, other in pairs):
        return False
    if start == 0:
        return True
    previous = words[start - 1].plain
    return previous not in _JOINING and (words[start].opens or previous in _BEFORE_PHRASES)
