"""Every picture that the foundation's trainings draw, drawn again: what the embedded models have seen."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.worlds.shapes import editing, painting, seeing


def training_pictures(seed: int, painter: int, editor: int, vision: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The pictures with the name of the model that was trained on them.

    Args:
        seed: Of the foundation.
        painter: Optimizer steps of the painter's training.
        editor: Of the editor's.
        vision: Of the VLM's vision stage; its language stage follows ``seeing.PHASES``.
    """
    for step in range(painter):
        yield from (("painter", picture) for picture in painting.draw_batch(seed, step, painter)[3])
    for step in range(editor):
        yield from (("editor", picture) for edit in editing.draw_batch(seed, step)[1] for picture in edit[:2])
    for step in range(vision):
        yield from (("vlm", picture) for picture in seeing.draw_scenes(seed, step)[1])
    for step in range(sum(phase.steps for phase in seeing.PHASES)):
        examples = seeing.draw_examples(seed, step, seeing.PHASES)
        yield from (("vlm", picture) for example in examples for picture in example.images)
