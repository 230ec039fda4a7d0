"""Measures critiques and edits of a round against the true scenes. Nothing that a round learns from asks for it.

The report shows it, ``viper judge measure`` prints it, and ablations draw gains over it.
"""

import numpy as np

from models.judged import judged_row
from models.measured import Count, Measured, Sides, Tally, measured_rows
from models.payloads import Critiques, Operations, Payload, Refinements
from models.worlds import find_world
from storage.objects import ObjectStore
from tasks.shards import read_payload, read_pictures, shard_images
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import PoolError
from viper.records import Synthesis

NEEDED = ("critiques", "refinements", "edits", "operations")
"""The products that are measured."""
HEAD = ("right", "before the judge", "accepted", "rejected")
"""Of tables with ``truth_rows``."""


class MeasuredPayload(Payload[Measured]):
    """A round's critiques and edits against the truth."""

    entry = "measured.json"


class TruthMeasureInputs(Inputs):
    """What decides the measurement of a round."""

    world: str
    made: Synthesis

    def identity(self) -> object:
        """The world, and what is measured."""
        products = {name: self.made.products[name] for name in NEEDED}
        return {"world": self.world, "shards": self.made.shards, "products": products}

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "measure critiques and edits against the truth"


@step("against-truth", 2)
def measure_against_truth(inputs: TruthMeasureInputs, worker: Worker) -> Made:
    """Payload ``MeasuredPayload``."""
    return Made(MeasuredPayload(measure(worker.store, inputs.world, inputs.made)).encoded())


def measure(store: ObjectStore, world: str, made: Synthesis) -> Measured:
    """A round's critiques and edits against the truth.

    Args:
        store: With the round's products.
        world: Name of the world whose pictures they are of.
        made: What the round's synthesis made.

    Raises:
        PoolError: Nobody knows what the world's pictures show.
    """
    observer = find_world(world).observer
    if observer is None:
        raise PoolError(
            f"What the pictures of the world {world!r} truly show is not known, so nothing can be measured."
        )
    count = Count()
    products = (made.products[name] for name in NEEDED)
    for shard, critiques, refinements, edits, operations in zip(made.shards, *products, strict=True):
        pictures = {image: np.asarray(picture) for image, picture in shard_images(store, shard).items()}
        written = read_payload(store, critiques, Critiques).root
        for image, row in read_payload(store, refinements, Refinements).root.items():
            judged = judged_row(row, written[image])
            count.add_critiques(judged, observer.mark(pictures[image], judged.caption, judged.sentences))
        edited = read_pictures(store, edits)
        for name, edit in read_payload(store, operations, Operations).root.items():
            right = observer.is_carried_out(pictures[edit.image], np.asarray(edited[name]), edit.sentences)
            count.add_edit(edit.kinds, edit.kept, right)
    return count.measured(observer.kinds)


def truth_rows(measured: Measured) -> list[tuple[str, str, str, str]]:
    """Figures as text: what, before the judge, what he accepted, what he rejected."""
    return [(what, *_cells(sides)) for what, sides in measured_rows(measured)]


def _cells(sides: Sides) -> tuple[str, str, str]:
    return _cell(sides.before), _cell(sides.after), _cell(sides.rejected)


def _cell(tally: Tally) -> str:
    return "–" if tally.percent is None else f"{tally.percent:.1f} % ({tally.right:,} of {tally.of:,})"
