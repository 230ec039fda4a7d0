"""Edits pictures by instruction with a pipeline of diffusers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from models.pipelines.call import CalledPipeline
from models.pipelines.canvas import Canvas, Size, canvas_for
from viper.progress import tell
from viper.settings import DiffusionSettings

if TYPE_CHECKING:
    from PIL.Image import Image


class DiffusersEditor(CalledPipeline):
    """Applies one instruction to each picture, at the picture's own aspect ratio. As ``CalledPipeline``."""

    def __init__(self, settings: DiffusionSettings) -> None:
        super().__init__(settings, "editor")

    def edit(self, images: Sequence["Image"], instructions: Sequence[str], seeds: Sequence[int]) -> list["Image"]:
        """One edited picture a pair, of the size of its source.

        Args:
            images: Source pictures, RGB.
            instructions: One sentence each, as ``fit`` gives them.
            seeds: Noise seed of each picture.
        """
        source, side = self.family.source, self.settings.side_px
        canvases = [canvas_for(image.size, side, self.family.multiple_px, self.family.shapes) for image in images]
        edited: dict[int, Image] = {}
        for size, numbers in self._batches(canvases):
            tell(len(edited), len(images))
            laid = [canvases[number].lay(images[number]) for number in numbers]
            prompts = [source.prompt.format(instructions[number]) for number in numbers]
            given = {source.argument: [[one] for one in laid] if source.nested else laid}
            made = self.call(prompts, [seeds[number] for number in numbers], size, **given)
            edited |= zip(numbers, made, strict=True)
        return [canvas.take(edited[number]) for number, canvas in enumerate(canvases)]

    def _batches(self, canvases: Sequence[Canvas]) -> Iterator[tuple[Size, list[int]]]:
        """The size of each batch, and which pictures are in it: a pipeline works at one size."""
        batch = self.batch if self.family.source.batched else 1
        by_size: dict[Size, list[int]] = {}
        for number, canvas in enumerate(canvases):
            by_size.setdefault(canvas.size, []).append(number)
        for size, numbers in by_size.items():
            for start in range(0, len(numbers), batch):
                yield size, numbers[start : start + batch]
