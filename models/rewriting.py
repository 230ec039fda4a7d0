"""Whether a caption that a model rewrote by corrections keeps what none of them speaks of, and adds nothing else.

A rewritten caption is painted to judge its corrections. One that lost a sentence is painted worse, and one that gained
a guess better or worse, whatever the corrections are worth: so it proves nothing about them.
"""

from collections import Counter
from collections.abc import Sequence

from models.sentences import split_sentences
from models.tries import NOT_READ, Unusable
from models.word_set import WORD, word_set
from models.written import read_caption

UNCHANGED = "caption unchanged"
NOT_KEPT = "rewrote what the corrections did not touch"
MIN_KEPT = 0.75
"""Share of a sentence's words that make it the same: of four words one may be another ("stands", "is standing")."""
TOUCHED = 0.5
"""Share of a sentence's words in a correction from which on the correction speaks of it."""
_EMPTY = word_set("a an the is are was were be been being and it its they their there this that of has have with s")
"""Words that a sentence loses and gains when two are made one."""
_MIN_PLURAL = 4

Words = Counter[str]
"""How often a text holds each of its words, plurals as singulars."""


def read_rewrite(caption: str, corrections: str, reply: str) -> str | Unusable:
    """The rewritten caption in a reply, or why it cannot be used.

    Args:
        caption: The first caption.
        corrections: What was to be followed, sentence after sentence.
        reply: What the model wrote.
    """
    rewritten = read_caption(reply)
    if not rewritten:
        return Unusable(NOT_READ)
    if rewritten == caption:
        return Unusable(UNCHANGED)
    if lost_sentences(caption, corrections, rewritten) or added_sentences(caption, corrections, rewritten):
        return Unusable(NOT_KEPT)
    return rewritten


def lost_sentences(caption: str, corrections: str, rewritten: str) -> list[str]:
    """Sentences of the caption that no correction speaks of and that the rewritten caption does not hold.

    A correction speaks of a sentence if it has ``TOUCHED`` of its words, or if it has no more words of any other. A
    sentence is held if ``MIN_KEPT`` of its words stand in one sentence: it may be a part of that.
    """
    said = split_sentences(caption)
    touched = {at for correction in split_sentences(corrections) for at in _spoken_of(correction, said)}
    now = [_words(sentence) for sentence in split_sentences(rewritten)]
    return [
        sentence
        for at, sentence in enumerate(said)
        if at not in touched and all(_share(sentence, words) < MIN_KEPT for words in now)
    ]


def added_sentences(caption: str, corrections: str, rewritten: str) -> list[str]:
    """Sentences of the rewritten caption of whose words fewer than ``MIN_KEPT`` stand in caption or corrections."""
    known = _words(f"{caption}\n{corrections}")
    return [sentence for sentence in split_sentences(rewritten) if _share(sentence, known) < MIN_KEPT]


def _spoken_of(correction: str, sentences: Sequence[str]) -> list[int]:
    """Which sentences a correction speaks of."""
    words = _words(correction)
    common = [(_words(sentence) & words).total() for sentence in sentences]
    most = max(common, default=0)
    return [
        at for at, found in enumerate(common) if found and (found == most or _share(sentences[at], words) >= TOUCHED)
    ]


def _share(sentence: str, words: Words) -> float:
    """Share of a sentence's words that are among others; 1 for a sentence without any."""
    own = _words(sentence)
    return (own & words).total() / own.total() if own else 1.0


def _words(text: str) -> Words:
    found = (word for word in WORD.findall(text.casefold()) if word not in _EMPTY)
    return Counter(_singular(word) for word in found)


def _singular(word: str) -> str:
    plural = len(word) >= _MIN_PLURAL and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if plural else word
