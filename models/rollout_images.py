"""The images of a rollout batch, processed once each."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


def _content(image: "Image") -> tuple[str, tuple[int, int], bytes]:
    """What two images have in common if and only if their pixels are equal."""
    return image.mode, image.size, hashlib.blake2b(image.tobytes(), digest_size=20).digest()


@contextmanager
def processed_once(image_processor: Any, nested: bool) -> Iterator[None]:
    """Within the context, ``image_processor`` computes each distinct image once and repeats the result.

    TRL asks for the images of every rollout, twice, though all rollouts of a prompt share them; and it copies them on
    their way, so that pixels are compared, not objects. The outputs are those of the untouched processor, as torch
    tensors.

    Args:
        image_processor: Of any family.
        nested: Whether it takes images as one list a prompt (``Family.nested``). What it makes of an image may then
            depend on the others of the prompt, so that each distinct list is computed once.
    """
    from transformers import BatchFeature
    from transformers.image_utils import make_flat_list_of_images

    original = image_processor.preprocess
    known: dict[Any, Any] = {}  # what was made of a list of images

    def preprocess(images: Any, *args: Any, **kwargs: Any) -> Any:
        lists = [list(shown) for shown in images] if nested else [[one] for one in make_flat_list_of_images(images)]
        if not all(lists):  # prompts without images among others, which some processors give rows of their own
            return original(images, *args, **kwargs)
        kwargs["return_tensors"] = "pt"
        options = repr((args, sorted(kwargs.items())))
        keys = [(*map(_content, shown), options) for shown in lists]
        for key, shown in zip(keys, lists, strict=True):
            if key not in known:
                known[key] = original([shown] if nested else shown, *args, **kwargs)
        made = [known[key] for key in keys]
        return BatchFeature(data={name: _joined([one[name] for one in made]) for name in made[0]})

    image_processor.preprocess = preprocess
    try:
        yield
    finally:
        # Back to the class's method: an attribute of the instance would be written into saved configurations.
        del image_processor.preprocess


def _joined(parts: Sequence[Any]) -> Any:
    """Lists one after the other; tensors along the first axis, those with fewer crops filled up with zeros."""
    import torch
    from torch.nn.functional import pad

    if isinstance(parts[0], list):
        return [one for part in parts for one in part]
    if parts[0].ndim < 2:
        return torch.cat(list(parts))
    most = max(part.shape[1] for part in parts)
    filled: list[Tensor] = [pad(part, (0, 0) * (part.ndim - 2) + (0, most - part.shape[1])) for part in parts]
    return torch.cat(filled)
