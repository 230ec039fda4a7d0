"""The roles of the loop, each as little as the loop needs of it. Whatever has the methods can play the role."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from transformers import ProcessorMixin

    from models.families.family import Family
    from models.payloads import FittedText
    from models.prompt_reader import Prompt
    from models.rewards import RewardParts


class Writer(Protocol):
    """Looks at pictures and writes: captions, critiques, operations, answers. Such as ``models.vlm.Vlm``."""

    def generate(
        self,
        prompts: Sequence["Prompt"],
        *,
        max_new_tokens: int,
        batch: int,
        temperature: float = 0.0,
        seeds: Sequence[int] | None = None,
    ) -> list[str]:
        """One reply a prompt, in the order of the prompts.

        Args:
            prompts: User turns.
            max_new_tokens: Longest reply, in tokens.
            batch: Prompts a forward pass.
            temperature: 0 is greedy; otherwise each prompt draws from its own seed.
            seeds: One a prompt; required where ``temperature`` is above 0.
        """


class Answerer(Writer, Protocol):
    """A writer that answers prompts which were prepared once. Such as ``models.vlm.Vlm``."""

    family: "Family"
    processor: "ProcessorMixin"

    @property
    def processing(self) -> str:
        """What decides how prompts become inputs, 64 hex digits: models that agree in it can share what they read."""

    @property
    def photograph_tokens(self) -> int:
        """Tokens that a photograph of 12 megapixels, 4,000 x 3,000 pixels, costs in a prompt."""

    def prepare(self, prompts: Sequence["Prompt"], *, batch: int) -> Any:
        """The prompts for ``answer``, of this model or of another that reads them alike.

        It has ``image_tokens``, those of all prompts together.

        Args:
            prompts: User turns.
            batch: Prompts a forward pass.
        """

    def answer(self, prepared: Any, *, max_new_tokens: int) -> list[str]:
        """The greedy replies that ``generate`` gives to the prompts, in their order."""

    def close(self) -> None:
        """Give back what it holds outside this process's memory."""


class Painter(Protocol):
    """Paints captions. Such as ``models.pipelines.painter.DiffusersPainter``."""

    def fit(self, text: str) -> "FittedText":
        """The leading sentences of a text that the model reads; the rest it would cut off by itself."""

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list["Image"]:
        """One picture a caption.

        Args:
            captions: Texts, as ``fit`` gives them.
            seeds: Noise seed of each picture. The same caption and seed give the same picture.
        """


class Editor(Protocol):
    """Changes pictures by instruction. Such as ``models.pipelines.editor.DiffusersEditor``."""

    def fit(self, text: str) -> "FittedText":
        """The leading sentences of a text that the model reads; the rest it would cut off by itself."""

    def edit(self, images: Sequence["Image"], instructions: Sequence[str], seeds: Sequence[int]) -> list["Image"]:
        """One edited picture a pair, of the size of its source.

        Args:
            images: Source pictures, RGB.
            instructions: One sentence each, as ``fit`` gives them.
            seeds: Noise seed of each picture.
        """


class Judge(Protocol):
    """Tells where pictures differ from their originals. Such as the judges in ``models.judges``."""

    reach: int
    """A distance tells of what lies up to so many places away, to each side."""

    def maps(self, first: Sequence["Image"], second: Sequence["Image"]) -> list["NDArray[np.float32]"]:
        """How far each pair of pictures is from each other at each place: (rows, columns) at least 0; 0 is the same.

        A place is a pixel or a patch. All maps of pictures of one size have one size.
        """


class Reward(Protocol):
    """Scores a trainee's answers. Such as ``models.rewards.SentenceReward``."""

    def score(
        self, answers: Sequence[str], truths: Sequence[Sequence[str]], finished: Sequence[bool]
    ) -> list["RewardParts"]:
        """The rewards of the answers, in their order.

        Args:
            answers: Texts of the rollouts.
            truths: For each answer, the sentences of the ground truth; never empty.
            finished: For each answer, whether it ended by itself (False: it was cut off).
        """
