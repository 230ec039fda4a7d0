"""What a lesson is: a task that the VLM is trained on, with samples made of what a round's synthesis left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import JsonValue

from models.payloads import Payload
from models.prompts import Prompts

POOL = "pool"
"""The product under which the shard's own images stand, by image id."""

Kind = TypeVar("Kind", bound=Payload[Any])


@dataclass(frozen=True)
class PictureOf:
    """A picture that a sample shows, by where it stands."""

    product: str
    """``pool`` for an image of the shard itself; else one of the products that the lesson needs."""
    name: str
    """Image id in the pool; name without its ending in another product."""


@dataclass(frozen=True)
class Sample:
    """One question of a lesson with its right answer."""

    id: str
    images: tuple[PictureOf, ...]
    """In the order in which they are shown."""
    prompt: str
    truth: tuple[str, ...]
    """The sentences of the right answer."""
    meta: dict[str, JsonValue]
    """What is known about the sample besides: the lesson's name, and why and how clearly it was kept."""


class Lesson(Protocol):
    """A task and how its samples are made. Such as the lessons in ``models.lessons``."""

    name: str
    needs: tuple[str, ...]
    """Products of the synthesis (``models.payloads.PRODUCTS``) that samples are made of. The first is the judged one,
    if any is: its artifact holds the filter's reasons."""

    def prompt(self, prompts: Prompts) -> str:
        """The text that words the lesson's questions, of a world's prompts."""

    def samples(self, products: Mapping[str, Payload[Any]], prompt: str) -> list[Sample]:
        """The samples of one shard, those alone that the filter kept.

        Args:
            products: The payloads of the shard by product.
            prompt: As ``prompt`` gives it.
        """

    def teaches(self, sample: Sample) -> bool:
        """Whether the sample has something to teach: all but "nothing to correct"."""


def payload_of(products: Mapping[str, Payload[Any]], name: str, kind: type[Kind]) -> Kind:
    """One product's payload.

    Raises:
        TypeError: It is a payload of another kind.
    """
    payload = products[name]
    if not isinstance(payload, kind):
        raise TypeError(f"The product {name!r} is a {type(payload).__name__}. Expected {kind.__name__}.")
    return payload


def balance(
    samples: Sequence[Sample], lesson: Lesson, share: float, least: int, rng: np.random.Generator
) -> tuple[list[Sample], int]:
    """Samples of which at most a share has nothing to teach.

    Args:
        samples: Of the lesson.
        lesson: Tells which of them teach something.
        share: Largest share of the others, in [0, 1].
        least: So many samples are kept, if there are as many.
        rng: Draws which are left out.

    Returns:
        The samples in their order, and how many were left out.
    """
    silent = [at for at, sample in enumerate(samples) if not lesson.teaches(sample)]
    others = len(samples) - len(silent)
    allowed = max(least - others, int(share * others / (1 - share)) if share < 1 else len(silent))
    if len(silent) <= allowed:
        return list(samples), 0
    left_out = {silent[i] for i in rng.permutation(len(silent))[allowed:]}
    return [sample for at, sample in enumerate(samples) if at not in left_out], len(left_out)
