"""Where captions are painted to be judged: each text once with each noise seed of an image."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.unread import unread
from tasks.worker import Worker
from viper.diffusion import DiffusionUse
from viper.records import JudgeUse, Record, Seed

if TYPE_CHECKING:
    from PIL.Image import Image

    from models.payloads import FittedText

Job = tuple[str, str, int]
"""An image, the text that is painted, and the number of the noise seed."""


class Painting(Record):
    """How captions are painted and measured: first and refined ones alike, so that only the caption differs."""

    painter: DiffusionUse
    judge: JudgeUse
    seed: Seed
    """Of the round's noise."""

    def noise(self, image: str, number: int) -> int:
        """A noise seed of an image, by its id: the same for its first and all its refined captions."""
        return self.seed.of(f"{image}/{number}")


class Easel:
    """Paints and remembers.

    Args:
        worker: Has painter and judge.
        painting: How is painted.
    """

    def __init__(self, worker: Worker, painting: Painting) -> None:
        self.judge = worker.judge(painting.judge)
        self.painted = 0
        """Paintings so far."""
        self._painter, self._painting = worker.painter(painting.painter), painting
        self._done: dict[Job, Image] = {}
        self._fitted: dict[str, FittedText] = {}

    def fit(self, text: str) -> "FittedText":
        """What the painter reads of a text."""
        if text not in self._fitted:
            self._fitted[text] = self._painter.fit(text)
        return self._fitted[text]

    def shows_change(self, first: str, second: str) -> bool:
        """Whether paintings of two texts show all in which these differ: what is not read of them is the same."""
        return unread(first, self.fit(first)) == unread(second, self.fit(second))

    def keep(self, job: Job, picture: "Image") -> None:
        """A painting that was made before."""
        self._done[job] = picture

    def paint(self, jobs: Sequence[Job]) -> list["Image"]:
        """One picture a job; what was painted before is not painted again."""
        new = [job for job in dict.fromkeys(jobs) if job not in self._done]
        noise = [self._painting.noise(image, number) for image, _, number in new]
        if new:
            self._done |= zip(new, self._painter.paint([text for _, text, _ in new], noise), strict=True)
        self.painted += len(new)
        return [self._done[job] for job in jobs]
