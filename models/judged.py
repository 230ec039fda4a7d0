"""What the judge made of one image's critiques, whichever judge it was: the one place that reads it off products."""

from collections.abc import Sequence

from models.nothing import says_nothing
from models.payloads import Critique, Refinement
from models.sentences import split_sentences
from viper.records import Record

Said = tuple[str, ...]
"""Corrections, sentence by sentence; empty where it was said that nothing is to correct."""


class Judged(Record):
    """What was said of one caption, and what became of it."""

    caption: str
    drawn: tuple[Said, ...]
    """Of each draw that could be read."""
    accepted: Said | None
    """``None`` where nothing was accepted."""
    rejected: Said | None
    """``None`` where nothing was rejected."""

    @property
    def sentences(self) -> frozenset[str]:
        """All that was said, each sentence once."""
        return frozenset().union(*self.drawn, self.accepted or (), self.rejected or ())


def judged_row(row: Refinement, critiques: Sequence[Critique]) -> Judged:
    """What became of an image's critiques."""
    said = _said(row.refinements)
    return Judged(
        caption=row.caption,
        drawn=tuple(
            found for one in critiques if (found := _said(one.refinements)) is not None for _ in range(one.samples)
        ),
        accepted=said if row.kept else None,
        rejected=None if row.kept else said,
    )


def _said(text: str) -> Said | None:
    if not text:
        return None
    return () if says_nothing(text) else tuple(split_sentences(text))
