"""What the judge made of one image's critiques, whichever judge it was: the one place that reads it off products."""

from collections.abc import Sequence

from models.nothing import says_nothing
from models.payloads import Critique, Refinement
from models.sentences import split_sentences
from models.unread import NOT_PAINTED
from viper.records import Record

Said = tuple[str, ...]
"""Corrections, sentence by sentence; empty where it was said that nothing is to correct."""


class Judged(Record):
    """What was said of one caption, and what became of it."""

    caption: str
    drawn: tuple[Said, ...]
    """Of each draw that could be read."""
    accepted: tuple[Said, ...]
    """What stands together; none where nothing was accepted."""
    rejected: tuple[Said, ...]
    """What was refused, each by itself; without what could not be judged."""

    @property
    def sentences(self) -> frozenset[str]:
        """All that was said, each sentence once."""
        return frozenset().union(*self.drawn, *self.accepted, *self.rejected)


def judged_row(row: Refinement, critiques: Sequence[Critique]) -> Judged:
    """What became of an image's critiques."""
    said = _said(row.refinements)
    judged = {text: verdict for text, verdict in row.verdicts.items() if verdict.reason != NOT_PAINTED}
    refused = tuple(tuple(split_sentences(text)) for text, verdict in judged.items() if not verdict.kept)
    silent = row.reason != NOT_PAINTED and any(says_nothing(one.refinements) for one in critiques if one.refinements)
    return Judged(
        caption=row.caption,
        drawn=tuple(found for one in critiques for found in _said(one.refinements) * one.samples),
        accepted=said if row.kept else (),
        rejected=(*refused, *([()] if silent and not (row.kept and said == ((),)) else [])),
    )


def _said(text: str) -> tuple[Said, ...]:
    """What a text says; nothing at all if it is empty."""
    if not text:
        return ()
    return ((),) if says_nothing(text) else (tuple(split_sentences(text)),)
