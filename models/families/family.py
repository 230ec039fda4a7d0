"""What a family of vision-language models is: all that differs between its models and those of other families.

General modules know no family. What they need of one they ask it here: how its processor is made, how pictures go to
it, which of its inputs belong to which prompt, how many features its model makes of a picture, where its weights lie.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from viper.pictures import ShapeLimits
from viper.records import PixelLimits

if TYPE_CHECKING:
    from PIL.Image import Image

PHOTOGRAPH = (4_000, 3_000)
"""Width and height of a photograph of 12 megapixels, by which the tokens of pictures are told and planned."""
LINEAR = r"(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
"""The matrices of attention and MLP, as Llama's descendants name them."""


@dataclass(frozen=True)
class Parts:
    """What a processor is made of, by transformers' own classes."""

    processor: type[Any]
    """The stock processor."""
    images: type[Any]
    """The image processor that uses Pillow."""
    videos: str = ""
    """Name of the stock video processor; empty if it has none."""


class Family(ABC):
    """Models of one form. What is said here holds where a family says nothing else."""

    name: ClassVar[str]
    """As people write it."""
    model_type: ClassVar[str]
    """As ``config.json`` names it."""
    nested: ClassVar[bool] = True
    """Whether the processor takes pictures as one list a prompt; otherwise as one list."""
    vision: ClassVar[tuple[str, ...]] = ("model.vision_tower", "model.multi_modal_projector")
    """Names of the modules that turn pictures into features: tower and projector."""
    adapters: ClassVar[str] = rf".*language_model.*\.{LINEAR}"
    """Regular expression of the modules that have adapters where ``training.lora.target_modules`` names none."""
    shared_prefix: ClassVar[bool] = False
    """Whether ``models.shared_prefix`` is proven to give the gradients of the plain computation."""
    shapes: ClassVar[ShapeLimits] = ShapeLimits()
    """Pictures of another shape are refused by the processor."""

    @abstractmethod
    def parts(self) -> Parts:
        """What the processor of its models is made of."""

    @abstractmethod
    def features(self, inputs: Any, pictures: Sequence[Sequence["Image"]], processor: Any, config: Any) -> list[int]:
        """How many features the model makes of the pictures of each prompt.

        Args:
            inputs: Of ``processor`` for the prompts, which have at least one picture together.
            pictures: Of each prompt, in order.
            processor: Of the model.
            config: Of the model, whose numbers count where those of the processor differ.
        """

    @abstractmethod
    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """The inputs that belong to the pictures of some prompts, in their order.

        Args:
            inputs: Of all prompts; without pictures, there is nothing in them for pictures.
            counts: Number of pictures of each prompt.
            rows: Which prompts.
        """

    def crops(self, pictures: Sequence[Sequence["Image"]], processor: Any) -> list[int] | None:
        """Crops that the pictures of each prompt become, where ``pixel_values`` hold one row a crop."""
        return None

    @abstractmethod
    def picture_tokens(self, processor: Any, width: int, height: int, together: int = 1) -> int:
        """How many image tokens a picture costs: as many as it has features. The marks around them are text.

        Args:
            processor: Of the model, with the limits that ``limit_pixels`` gave it.
            width: Of the picture, in pixels. Its shape is one of ``shapes``.
            height: Of the picture, in pixels.
            together: Number of pictures in the prompt, this one included.
        """

    def pixel_limits(self, processor: Any) -> PixelLimits | None:
        """How many pixels of a picture the model sees; ``None`` if it sees as many of every picture."""
        return None

    def as_seen(self, processor: Any, picture: "Image") -> "Image":
        """A picture in the size in which the model sees it, where another processor leaves it so; else as it is.

        Args:
            processor: Of the model, with the limits that ``limit_pixels`` gave it.
            picture: RGB.
        """
        return picture

    @abstractmethod
    def limit_pixels(self, processor: Any, config: Any, min_pixels: int, max_pixels: int) -> None:
        """Give a processor other limits, so that whoever calls or saves it keeps them.

        Args:
            processor: Of the model.
            config: Of the model, which is changed too where it says how features are put together.
            min_pixels: Smallest width x height that the model sees; 0 leaves the processor's own.
            max_pixels: Largest; 0 leaves the processor's own.

        Raises:
            ModelError: Nothing bounds the pixels of these models, or the limits leave no picture.
        """


def picture_numbers(counts: Sequence[int], rows: Sequence[int]) -> list[int]:
    """Numbers of the pictures of some prompts, where those of all prompts stand one after the other."""
    starts = [sum(counts[:row]) for row in range(len(counts))]
    return [starts[row] + number for row in rows for number in range(counts[row])]


def per_prompt(of_picture: Sequence[int], counts: Sequence[int]) -> list[int]:
    """Sums over the pictures of each prompt."""
    numbers = iter(of_picture)
    return [sum(next(numbers) for _ in range(count)) for count in counts]
