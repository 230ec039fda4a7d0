"""Finds pictures of the pool that are also in a benchmark: equal pixels, or nearly the same picture."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Hashes = tuple[str, str]
"""Of one picture, in hex digits: of its pixels, and perceptual."""


def hash_pixels(image: "Image") -> str:
    """SHA-256 of an RGB picture's size and pixels, 64 hex digits."""
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()


def hash_picture(image: "Image", side: int) -> Hashes:
    """SHA-256 of an RGB picture's size and pixels, and its difference hash.

    The difference hash has ``side`` x ``side`` bits: the picture shrunk to gray, is each pixel brighter than its left
    neighbor (dHash, N. Krawetz 2013). Other sizes and encodings of a photograph differ in a few bits.
    """
    from PIL import Image

    gray = np.asarray(image.convert("L").resize((side + 1, side), Image.Resampling.BOX), dtype=np.int16)
    return hash_pixels(image), np.packbits(gray[:, 1:] > gray[:, :-1]).tobytes().hex()


class KnownPictures:
    """The pictures of all suites, by their hashes.

    Args:
        suites: Hashes of all pictures by suite.
        max_bits: Perceptual hashes that differ in at most so many bits count as one picture; -1 compares pixels alone.
    """

    def __init__(self, suites: Mapping[str, Iterable[Hashes]], max_bits: int) -> None:
        held = {suite: list(hashes) for suite, hashes in suites.items()}
        self._max_bits = max_bits
        self._exact = {suite: {pixels for pixels, _ in hashes} for suite, hashes in held.items()}
        self._near_NB = {suite: _as_rows([near for _, near in hashes]) for suite, hashes in held.items()}

    def suite_of(self, picture: Hashes) -> str | None:
        """The first suite that holds a picture, or one that is as good as it; ``None`` if none does."""
        pixels, near = picture
        for suite, exact in self._exact.items():
            if pixels in exact or _closest_bits(near, self._near_NB[suite]) <= self._max_bits:
                return suite
        return None


def _closest_bits(near: str, near_NB: NDArray[np.uint8]) -> float:
    """Fewest differing bits between a hash and the rows of others; infinite if there are none."""
    if not len(near_NB):
        return float("inf")
    differing_NB = np.bitwise_count(near_NB ^ _as_rows([near]))
    return int(differing_NB.sum(axis=1, dtype=np.int64).min())


def _as_rows(hashes: list[str]) -> NDArray[np.uint8]:
    """(N, B) bytes, distinct rows."""
    return np.array([list(bytes.fromhex(one)) for one in sorted(set(hashes))], dtype=np.uint8)
