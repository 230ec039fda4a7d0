"""What the steps of a round hand each other, as typed records: each has one entry, one reader, one writer.

A payload is JSON under its ``entry``. Equal payloads give equal bytes, so that a step which decides the same as before
leaves everything after it as it is.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, RootModel, model_validator

from viper.records import Record

Content = TypeVar("Content")


class Payload(RootModel[Content], Generic[Content]):
    """One JSON entry of an artifact; ``root`` is its content."""

    model_config = ConfigDict(frozen=True)

    entry: ClassVar[str]
    """Name of the entry in the artifact."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The payload in the bytes of its entry.

        Raises:
            pydantic.ValidationError: The bytes are no such payload.
        """
        return cls.model_validate_json(data)

    def encoded(self) -> dict[str, bytes]:
        """The entry by its name."""
        return {self.entry: to_json(self.model_dump(mode="json"))}


def to_json(value: object) -> bytes:
    """Bytes of a JSON value: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1).encode()


class FittedText(Record):
    """What a painter or an editor was given of a text."""

    text: str
    left_out: int = 0
    """Whole sentences at the end that its text encoder does not take."""
    cut: bool = False
    """Only a part of the first sentence: it is too long by itself."""

    @property
    def is_shortened(self) -> bool:
        """Whether it is less than the whole text."""
        return self.cut or self.left_out > 0


class Shortened(Payload[dict[str, FittedText]]):
    """What was given of the texts that were too long. What was left out of a text must not be held against it.

    By image id, ``<image id>/<number>`` of a refined caption, or ``<image id>/<number>/<turn>`` of an operation.
    """

    entry = "shortened.json"

    def counts(self) -> dict[str, int]:
        """How many texts were shortened, and by how many sentences (one of which a part was painted among them)."""
        fitted = self.root.values()
        return {"shortened": len(fitted), "sentences_left_out": sum(one.left_out + one.cut for one in fitted)}


def shortened_of(fitted: Mapping[str, FittedText]) -> Shortened:
    """Those of the texts that were shortened."""
    return Shortened({name: one for name, one in fitted.items() if one.is_shortened})


class Captions(Payload[dict[str, str]]):
    """The caption of each image, by image id; empty where none could be read."""

    entry = "captions.json"


class Distances(Payload[dict[str, float]]):
    """How far the painting of each image's caption is from it where they differ most, by image id."""

    entry = "distances.json"


class Noise(Payload[float]):
    """What a painter's noise alone makes of a caption: the unit in which distances are judged (``models.places``)."""

    entry = "noise.json"


class Critique(Record):
    """A correction of a caption that one or several draws said, or that nothing is to correct."""

    refinements: str
    """One sentence, or the reply that says that nothing is to correct; all that a draw said where draws are
    judged as a whole."""
    refined: str
    """The caption rewritten by it alone; empty where nothing is to correct, or where it could not be rewritten."""
    draws: tuple[int, ...]
    """Numbers of the draws that said it, from 0, in these words or in others that rewrite the caption alike."""
    unusable: str = ""
    """Why there is no correction, or why the caption could not be rewritten by it; empty where nothing failed."""

    @property
    def samples(self) -> int:
        """How many draws said it."""
        return len(self.draws)

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, value: Any) -> Any:
        """Those counted the draws and named the first alone: the next ones stand for the others."""
        if not isinstance(value, dict) or "samples" not in value:
            return value
        kept = {name: found for name, found in value.items() if name not in ("samples", "first_draw")}
        first = value.get("first_draw", 0)
        return {"draws": range(first, first + value["samples"]), **kept}


class Critiques(Payload[dict[str, tuple[Critique, ...]]]):
    """The distinct corrections of each image, by image id, in the order in which they were drawn first."""

    entry = "critiques.json"


class Verdict(Record):
    """What the paintings say of one correction."""

    kept: bool
    reason: str
    """Why it stands or not, in a few words."""
    gain: float = 0.0
    """How much closer the painting with it came where it speaks, in units of noise, averaged over its seeds."""
    explained: float = 0.0
    """The same as a share of what the painting without it was away there."""
    samples: int = 1
    """How many draws said it."""
    paintings: int = 0
    """Noise seeds it was painted with."""


class Judgements(Payload[dict[str, dict[str, Verdict]]]):
    """The verdict on each correction by itself, by image id and sentence."""

    entry = "verdicts.json"


class Union(Record):
    """The corrections of an image that stand, put together."""

    sentences: tuple[str, ...]
    """Those that are in it, the one that came closest last."""
    rivals: tuple[str, ...]
    """Those that stand by themselves, but whose place another one takes that comes closer."""
    refined: str
    """The caption rewritten by its sentences; empty where it could not be."""


class Unions(Payload[dict[str, Union]]):
    """What stands of each image, by image id; images of which nothing stands are left out."""

    entry = "unions.json"


class Refinement(Record):
    """What the filter decided about an image's critiques."""

    caption: str
    """The first caption."""
    refinements: str
    """All corrections that stand, whichever draw said them; where none does, the one that came closest to it."""
    refined: str
    """The first caption rewritten by them; the first caption where nothing was accepted."""
    kept: bool
    reason: str
    """Why it was kept or not, in a few words."""
    gain: float
    """How much closer the corrections came where they speak, in units of noise, averaged over them."""
    first_distance: float
    """Of the first caption's painting where it is farthest from the image, in units of noise."""
    last_distance: float = 0.0
    """The same of the accepted caption's painting."""
    differs: tuple[int, ...] = ()
    """Regions of the 3 x 3 grid, row by row from 0, in which that painting is farther from the image than
    ``filter.max_residual_noise``: what the caption says of them is not true yet. None where the filter is off."""
    verdicts: Mapping[str, Verdict] = Field(default_factory=dict)
    """On each correction that any draw said, by sentence."""


class Refinements(Payload[dict[str, Refinement]]):
    """The filter's decision on each image, by image id."""

    entry = "refinements.json"


class Plan(Record):
    """Operations to apply to one image, in order."""

    image: str
    """Its id."""
    sentences: tuple[str, ...]
    regions: tuple[int, ...] | None
    """Regions of the 3 x 3 grid that should change, row by row from 0; ``None`` if the sentences do not tell."""
    kinds: tuple[str, ...]
    """Kind of each operation, ``free`` if written by a model."""
    places: tuple[tuple[int, ...], ...] = ()
    """The regions of each operation by itself; empty if the sentences do not tell."""


class Plans(Payload[dict[str, Plan]]):
    """The plans by ``<image id>/<number>``."""

    entry = "plans.json"


class Unwritten(Payload[dict[str, str]]):
    """Why no edit was made where one was asked for, by ``<image id>/<number>``."""

    entry = "unwritten.json"


Happened = Literal["yes", "no", "no answer"]
"""What the VLM says of an operation."""


class Witnesses(Payload[dict[str, dict[str, Happened]]]):
    """Whether each operation happened, as the VLM says, by ``<image id>/<number>`` and sentence."""

    entry = "witnesses.json"


class JudgedEdit(Plan):
    """A plan that was carried out, and what the filter decided."""

    changes: tuple[float, ...]
    """Largest change in each of the nine regions, in units of the painter's noise."""
    idle: tuple[str, ...] = ()
    """Operations of the plan that had no effect, left out of its sentences since others had one."""
    kept: bool
    reason: str
    """Why it was kept or not, in a few words."""


class Operations(Payload[dict[str, JudgedEdit]]):
    """The filter's decision on each edit, by ``<image id>/<number>``."""

    entry = "operations.json"


class Curves(Payload[tuple[dict[str, float], ...]]):
    """The figures of a training's steps in order: ``step``, and those that ``models.grpo_reports.METRICS`` names.

    The time that a step took is left out: a training that was killed and went on has the same curves.
    """

    entry = "curves.json"


PRODUCTS: dict[str, type[Payload[Any]]] = {
    "captions": Captions,
    "paintings": Distances,
    "critiques": Critiques,
    "judgements": Judgements,
    "refinements": Refinements,
    "edits": Plans,
    "operations": Operations,
}
"""What a lesson can be made of: the payload of each product of a round's synthesis, by the product's name."""
