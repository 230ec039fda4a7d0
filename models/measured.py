"""How right a round's critiques and edits are, before and after the judge: counts against the true scenes."""

from collections import Counter
from collections.abc import Mapping, Sequence

from models.judged import Judged, Said
from models.observer import Marks
from viper.records import Record


class Tally(Record):
    """So many of so many are right."""

    of: int
    right: int

    @property
    def percent(self) -> float | None:
        """In [0, 100]; ``None`` of nothing."""
        return 100 * self.right / self.of if self.of else None


class Sides(Record):
    """The same count before the judge, of what he accepted, and of what he rejected."""

    before: Tally
    after: Tally
    rejected: Tally


class KindMeasured(Record):
    """Corrections of one kind."""

    said: Sides
    """Sentences that speak of it; right are those that make a needed correction."""
    needed: Sides
    """Needed corrections; right are those that some sentence makes. Under ``rejected``: rejected sentences alone."""


class Measured(Record):
    """A round's critiques and edits against the truth."""

    pictures: int
    sentences: Sides
    """Sentences that correct; as drawn, each as often as it was drawn."""
    critiques: Sides
    """Critiques that correct something; right are those in which every sentence is right."""
    nothing: Sides
    """Critiques that say that nothing is to correct; right are those of captions that are true."""
    needed: Sides
    """Corrections that the captions need; right are those that some sentence makes."""
    edits: Sides
    """Edited pictures; right are those that show what their operations say, and no more."""
    kinds: dict[str, KindMeasured]
    """Sentences and needed corrections by kind."""
    operations: dict[str, Sides]
    """Edited pictures by the kinds of their operations; one with several kinds counts under each."""


class Count:
    """Counts picture by picture and edit by edit."""

    def __init__(self) -> None:
        self._pictures = 0
        self._of, self._right = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
        self._operations: dict[str, None] = {}

    def add_critiques(self, judged: Judged, marks: Marks) -> None:
        """Count what was said of one picture's caption.

        Args:
            judged: What was said, and what became of it.
            marks: What is true of all that was said.
        """
        self._pictures += 1
        sides = {"before": judged.drawn, "after": judged.accepted, "rejected": judged.rejected}
        for side, each in sides.items():
            for said in each:
                self._add_said(side, said, marks)
        answered = {side: _answered(each, marks) for side, each in sides.items()}
        answered["rejected"] -= answered["after"]
        for side, found in answered.items():
            for number, kind in enumerate(marks.needed):
                self._add("needed", kind, side, number in found)

    def add_edit(self, kinds: Sequence[str], kept: bool, right: bool) -> None:
        """Count one edited picture with the kinds of its operations."""
        self._operations |= dict.fromkeys(kinds)
        for side in ("before", "after" if kept else "rejected"):
            for kind in ("", *dict.fromkeys(kinds)):
                self._add("edits", kind, side, right)

    def measured(self, kinds: Sequence[str]) -> Measured:
        """All counts, with a row for each kind of correction."""
        return Measured(
            pictures=self._pictures,
            sentences=self._sides("sentences", *kinds),
            critiques=self._sides("critiques", ""),
            nothing=self._sides("nothing", ""),
            needed=self._sides("needed", *kinds),
            edits=self._sides("edits", ""),
            kinds={
                kind: KindMeasured(said=self._sides("sentences", kind), needed=self._sides("needed", kind))
                for kind in kinds
            },
            operations={kind: self._sides("edits", kind) for kind in sorted(self._operations)},
        )

    def _add_said(self, side: str, said: Said, marks: Marks) -> None:
        if not said:
            self._add("nothing", "", side, not marks.needed)
            return
        found = [marks.said[sentence] for sentence in said]
        for mark in found:
            self._add("sentences", mark.kind, side, mark.answers is not None)
        self._add("critiques", "", side, all(mark.answers is not None for mark in found))

    def _add(self, what: str, kind: str, side: str, right: bool) -> None:
        self._of[what, kind, side] += 1
        self._right[what, kind, side] += right

    def _sides(self, what: str, *kinds: str) -> Sides:
        def tally(side: str) -> Tally:
            of, right = (sum(count[what, kind, side] for kind in kinds) for count in (self._of, self._right))
            return Tally(of=of, right=right)

        return Sides(before=tally("before"), after=tally("after"), rejected=tally("rejected"))


def _answered(each: Sequence[Said], marks: Marks) -> set[int]:
    found = (marks.said[sentence].answers for said in each for sentence in said)
    return {answers for answers in found if answers is not None}


def measured_rows(measured: Measured) -> list[tuple[str, Sides]]:
    """All figures in the order of a table: what is counted, and how much of it is right."""
    whole: Mapping[str, Sides] = {
        "sentences that are right": measured.sentences,
        "critiques in which all are right": measured.critiques,
        "“nothing to correct” that is true": measured.nothing,
        "needed corrections that are named": measured.needed,
        "edits that are as their operations say": measured.edits,
    }
    kinds = [
        (f"{kind}: {what}", sides)
        for kind, found in measured.kinds.items()
        for what, sides in (("sentences", found.said), ("needed and named", found.needed))
    ]
    edits = [(f"edits with {kind}", sides) for kind, sides in measured.operations.items()]
    return [row for row in (*whole.items(), *kinds, *edits) if row[1].before.of]
