"""Who knows what the pictures of a world truly show. Only measurements and ablations ask."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from viper.records import Record


class Mark(Record):
    """What is true of one sentence that corrects a caption."""

    kind: str
    """What it speaks of, such as ``missing`` or ``color, fine``; ``unreadable`` if it is no correction."""
    answers: int | None
    """Position of the needed correction that it makes; ``None`` if it is wrong."""


class Marks(Record):
    """What is true of one caption and the sentences that correct it."""

    needed: tuple[str, ...]
    """Kind of each correction that the caption needs, in reading order."""
    said: dict[str, Mark]
    """By sentence."""


class Observer(Protocol):
    """Sees every picture of its world as it is. Pictures are (H, W, 3) uint8."""

    kinds: tuple[str, ...]
    """Kinds of corrections, in the order in which tables show them."""

    def mark(self, picture: NDArray[np.uint8], caption: str, sentences: Iterable[str]) -> Marks:
        """Which corrections a caption needs, and which of the sentences make one of them.

        A sentence is right if the caption is wrong where it speaks of, and true there once it is followed. Whether it
        quotes the caption rightly does not count.

        Raises:
            ValueError: The picture is none of the world's.
        """

    def is_carried_out(self, picture: NDArray[np.uint8], edited: NDArray[np.uint8], operations: Iterable[str]) -> bool:
        """Whether an edited picture shows what the operations, one after the other, make of the picture, and no more.

        Raises:
            ValueError: The picture before the edit is none of the world's.
        """

    def wrong_correction(self, picture: NDArray[np.uint8], caption: str, rng: np.random.Generator) -> str:
        """A sentence in the world's language that corrects the caption wrongly.

        Raises:
            ValueError: The picture is none of the world's.
        """
