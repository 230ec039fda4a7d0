"""What a world is: a kind of pictures, and all that belongs to it.

General modules know no world. What they need of one they ask it here, and a world that lacks it says so.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from models.observer import Observer
from models.payloads import Plan
from models.prompts import Prompts
from models.suites.suite import Suite
from models.witness import WitnessQuestion
from viper.errors import ModelError, PoolError, ProfileError, SuiteError

if TYPE_CHECKING:
    from models.pipelines.family import PipelineFamily


class Rules(Protocol):
    """How captions are rewritten and operations written where the language is known. Draws come from the arguments."""

    version: int
    """Raised by hand when the rules change what they write."""

    def rewrite(self, caption: str, refinements: str) -> str:
        """The caption, with the refinements followed."""

    def write_operations(
        self,
        image: str,
        caption: str,
        critiques: Sequence[str],
        differs: Collection[int],
        max_operations: int,
        rng: np.random.Generator,
    ) -> Plan | None:
        """One to ``max_operations`` edits of an image, hard entities first; ``None`` if there is nothing to edit.

        Args:
            image: Its id.
            caption: The refined caption.
            critiques: All sampled critiques of the image: what any of them corrects is in doubt.
            differs: Regions of the 3 x 3 grid of which the caption does not tell the truth: no operation is on them.
            max_operations: At most this many.
            rng: Draws entities, kinds and words.
        """

    def ask_whether(self, operation: str) -> Sequence[WitnessQuestion]:
        """What tells whether an operation happened, in words that the world's VLM was taught; nothing if unknown."""


class World:
    """A kind of pictures. What is not said here, a world does not have."""

    name: ClassVar[str]
    """As profiles and addresses (``shapes:vlm``) name it."""
    prompts: ClassVar[Prompts]
    suites: ClassVar[Mapping[str, Suite]]
    """Its benchmark suites by name."""
    rules: Rules | None = None
    """Of its language; ``None`` where only a VLM can rewrite."""
    observer: Observer | None = None
    """Who knows what its pictures show; ``None`` where nobody does."""

    def need_rules(self) -> Rules:
        """The rules.

        Raises:
            ProfileError: It has none.
        """
        if self.rules is None:
            raise ProfileError(
                f'synthesis.writer is "rules", but the world {self.name!r} has none. Set synthesis.writer to "vlm".'
            )
        return self.rules

    def need_prompts(self) -> Prompts:
        """The prompts, with those by which a VLM rewrites captions, writes operations and says if they happened.

        Raises:
            ProfileError: It lacks one of these.
        """
        if not (self.prompts.rewrite and self.prompts.operations and self.prompts.happened):
            raise ProfileError(
                f'synthesis.writer is "vlm", but the world {self.name!r} has no prompts by which a VLM rewrites '
                'captions, writes operations and says if they happened. Set synthesis.writer to "rules".'
            )
        return self.prompts

    def model_folder(self, name: str) -> Path:
        """The folder of a model that comes with the world, by the name after the colon of ``shapes:vlm``.

        Raises:
            ModelError: There is none.
        """
        raise ModelError(f"The world {self.name!r} has no embedded model {name!r}.")

    def draw_picture(self, address: str, seed: int, number: int) -> bytes:
        """PNG bytes of one picture of a pool that the world draws; seed and number decide every pixel.

        Raises:
            PoolError: The world draws no pool at this address.
        """
        raise PoolError(f"The world {self.name!r} has no drawn pool {address!r}. Give a folder or an s3:// prefix.")

    def check_suites(self, address: str) -> None:
        """Make sure that the world makes suites at an address.

        Raises:
            SuiteError: It does not; the addresses that it knows are named.
        """
        raise SuiteError(f"The world {self.name!r} has no suites {address!r} of its own. Give a folder or hub:.")

    def suite_rows(self, address: str, suite: str, limit: int) -> Iterator[Mapping[str, Any]]:
        """Rows of a suite in VLMEvalKit's columns, the first ``limit`` or all for 0.

        Raises:
            SuiteError: As ``check_suites``.
        """
        self.check_suites(address)
        raise SuiteError(f"There is no suite {suite!r} at {address!r}.")

    def truth(self, picture: NDArray[np.uint8], caption: str, rng: np.random.Generator) -> tuple[str, str]:
        """What is wrong with a caption and the right one, from the (H, W, 3) picture's true scene.

        Raises:
            PoolError: The world's pictures do not tell.
        """
        raise PoolError(f"The truth of pictures of the world {self.name!r} is not known.")

    def pipeline_classes(self) -> Mapping[str, type]:
        """Pipelines of its own, by the class name in ``model_index.json``."""
        return {}

    def pipeline_families(self) -> "Sequence[PipelineFamily]":
        """How its own pipelines are called: more lines for the table in ``models.pipelines.families``."""
        return ()

    def foundation(self, work: Path) -> Mapping[str, Callable[[], None]]:
        """How the models that come with it are made from nothing, one after the other, by name.

        Args:
            work: Folder for resumable progress.

        Raises:
            ModelError: It comes with none.
        """
        raise ModelError(f"The world {self.name!r} comes with no models of its own.")

    def measure(self, scenes: int) -> Iterator[tuple[str, str, float]]:
        """Figures of its models on held-out scenes: model, what, value. Raises as ``foundation``."""
        raise ModelError(f"The world {self.name!r} comes with no models of its own.")
