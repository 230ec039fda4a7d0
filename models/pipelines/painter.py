"""Paints captions with a pipeline of diffusers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.pipelines.call import CalledPipeline
from viper.progress import tell
from viper.settings import DiffusionSettings

if TYPE_CHECKING:
    from PIL.Image import Image


class DiffusersPainter(CalledPipeline):
    """Paints captions. Arguments and errors as ``CalledPipeline``."""

    def __init__(self, settings: DiffusionSettings) -> None:
        super().__init__(settings, "painter")

    def paint(self, captions: Sequence[str], seeds: Sequence[int]) -> list["Image"]:
        """One picture a caption. The same caption, seed and batch size give the same picture.

        Args:
            captions: Texts, as ``fit`` gives them.
            seeds: Noise seed of each picture.
        """
        side, batch = self.settings.side_px, self.batch
        pictures: list[Image] = []
        for start in range(0, len(captions), batch):
            tell(start, len(captions))
            part = slice(start, start + batch)
            pictures += self.call(captions[part], seeds[part], (side, side))
        return pictures
