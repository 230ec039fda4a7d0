"""The images of a rollout batch: processed once each, and checked against the prompts' image tokens."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from viper.errors import ModelError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

KNOWN_OUTPUTS = {"pixel_values", "image_grid_thw"}


def _content(image: "Image") -> tuple[str, tuple[int, int], bytes]:
    """What two images have in common if and only if their pixels are equal."""
    return image.mode, image.size, hashlib.blake2b(image.tobytes(), digest_size=20).digest()


@contextmanager
def processed_once(image_processor: Any) -> Iterator[None]:
    """Within the context, ``image_processor`` computes each distinct image once and repeats the result.

    TRL asks for the images of every rollout, twice, though all rollouts of a prompt share them; and it copies them on
    their way, so that pixels are compared, not objects. The outputs are those of the untouched processor, as torch
    tensors. A processor whose outputs are not patches with a grid (Qwen's form) is left alone, since nothing is known
    of how its rows belong to images.
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
            if set(made) != KNOWN_OUTPUTS:
                return original(images, *args, **kwargs)
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


def check_image_tokens(
    prompt_ids: Sequence[Sequence[int]], images: Sequence[Sequence[Any]], grid_N3: Any, processor: Any
) -> None:
    """Check each prompt by itself: its image tokens against the grids (N, 3) of its pictures.

    Raises:
        ModelError: A prompt does not hold as many image tokens as its pictures have features.
    """
    import torch

    merge, token = processor.image_processor.merge_size**2, processor.image_token_id
    features_N = iter((torch.as_tensor(grid_N3).prod(-1) // merge).tolist())
    for ids, pictures in zip(prompt_ids, images, strict=True):
        expected, found = sum(next(features_N) for _ in pictures or ()), list(ids).count(token)
        if expected != found:
            raise ModelError(
                f"{found} image tokens in a prompt but {expected} image features. The chat template and the processor "
                "of this model do not fit together."
            )


def pictures_of(patches: "Tensor", grids_N3: "Tensor", counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
    """The pictures of some rows, in their order: ``pixel_values`` and ``image_grid_thw``.

    Args:
        patches: Patches of all pictures of all rows, one after the other.
        grids_N3: Frames, rows and columns of each picture.
        counts: Number of pictures of each row.
        rows: Which rows.
    """
    import torch

    of_picture = patches.split(grids_N3.prod(-1).tolist())
    starts = [sum(counts[:row]) for row in range(len(counts))]
    chosen = [starts[row] + number for row in rows for number in range(counts[row])]
    return {"pixel_values": torch.cat([of_picture[i] for i in chosen]), "image_grid_thw": grids_N3[chosen]}
