"""The images of a rollout batch, processed once each."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


def _content(image: "Image") -> tuple[str, tuple[int, int], bytes]:
    """What two images have in common if and only if their pixels are equal."""
    return image.mode, image.size, hashlib.blake2b(image.tobytes(), digest_size=20).digest()


@contextmanager
def processed_once(image_processor: Any) -> Iterator[None]:
    """Within the context, ``image_processor`` computes each distinct image once and repeats the result.

    TRL asks for the images of every rollout, twice, though all rollouts of a prompt share them; and it copies them on
    their way, so that pixels are compared, not objects. The outputs are those of the untouched processor, as torch
    tensors.

    Args:
        image_processor: Of a family with ``grids``.
    """
    from transformers import BatchFeature
    from transformers.image_utils import make_flat_list_of_images

    original = image_processor.preprocess
    patches: dict[Any, Tensor] = {}  # (rows of the image, patch)
    grids: dict[Any, Tensor] = {}  # (3,): frames, rows, columns

    def preprocess(images: Any, *args: Any, **kwargs: Any) -> Any:
        import torch

        flat = make_flat_list_of_images(images)
        kwargs["return_tensors"] = "pt"
        options = repr((args, sorted(kwargs.items())))
        keys = [(*_content(image), options) for image in flat]
        new = {key: image for key, image in zip(keys, flat, strict=True) if key not in patches}
        if new:
            made = original(list(new.values()), *args, **kwargs)
            rows = made["image_grid_thw"].prod(-1).tolist()
            patches.update(zip(new, made["pixel_values"].split(rows), strict=True))
            grids.update(zip(new, made["image_grid_thw"], strict=True))
        data = {
            "pixel_values": torch.cat([patches[key] for key in keys]),
            "image_grid_thw": torch.stack([grids[key] for key in keys]),
        }
        return BatchFeature(data=data)

    image_processor.preprocess = preprocess
    try:
        yield
    finally:
        # Back to the class's method: an attribute of the instance would be written into saved configurations.
        del image_processor.preprocess
