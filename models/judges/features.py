"""Compares the features that an image model finds in the patches of two pictures: what is shown rather than how.

Right for photographs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.locations import resolve
from viper.errors import ModelError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


class FeatureJudge:
    """Cosine distances between the features of patches, in [0, 2], each at the neighboring patch that suits best.

    Args:
        model: A vision model of transformers, on its device.
        processor: Its image processor.
    """

    reach = 1

    def __init__(self, model: Any, processor: Any) -> None:
        self._tower, self._processor = getattr(model, "vision_model", model), processor
        self._device, self._patch_px = model.device, patch_px(model.config)

    def maps(self, first: Sequence["Image"], second: Sequence["Image"]) -> list[NDArray[np.float32]]:
        """(rows, columns) of patches a pair: 0 where both show the same."""
        pairs = zip(first, second, strict=True)
        return [_distances(*self._patches([one, other.resize(one.size)])) for one, other in pairs]

    def _patches(self, images: Sequence["Image"]) -> "Tensor":
        """(N, rows, columns, D): features of unit length; what stands before the patches (class, registers) is left."""
        import torch

        with torch.inference_mode():
            pixels = self._processor(images=[image.convert("RGB") for image in images], return_tensors="pt")
            pixel_values = pixels["pixel_values"].to(self._device)
            states = self._tower(pixel_values=pixel_values).last_hidden_state.float()
            rows, columns = (side // self._patch_px for side in pixel_values.shape[-2:])
            patches = states[:, states.shape[1] - rows * columns :]
            found: Tensor = torch.nn.functional.normalize(patches, dim=-1).unflatten(1, (rows, columns)).cpu()
            return found


def _distances(first: "Tensor", second: "Tensor") -> NDArray[np.float32]:
    """(rows, columns): of each patch to the nearest of the nine around its place in the other picture."""
    import torch

    rows, columns, _ = first.shape
    padded = torch.nn.functional.pad(second.permute(2, 0, 1)[None], (1, 1, 1, 1), mode="replicate")[0].permute(1, 2, 0)
    shifted = [padded[dy : dy + rows, dx : dx + columns] for dy in range(3) for dx in range(3)]
    nearest = torch.stack([1 - (first * one).sum(-1) for one in shifted]).amin(0)
    return np.asarray(nearest.clamp_min(0).numpy(), dtype=np.float32)


def patch_px(config: Any) -> int:
    """Side of a patch of an image model, in pixels.

    Raises:
        ModelError: It cuts pictures into none.
    """
    size = getattr(getattr(config, "vision_config", config), "patch_size", None)
    if not isinstance(size, int):
        raise ModelError(
            f"The image model {config.model_type} has no patches of one side (found patch_size = {size!r}). Expected a "
            "vision transformer such as DINOv2 or SigLIP. Check judge.path."
        )
    return size


def check_features(path: str, revision: str) -> None:
    """Put a picture through the processor and, without any weights, through the model.

    Raises:
        ModelError: There is no image model, its processor is missing, or it makes pictures of another size.
    """
    import torch
    from PIL import Image
    from transformers import AutoConfig, AutoImageProcessor, AutoModel

    location = resolve(path)
    try:
        processor = AutoImageProcessor.from_pretrained(location, revision=revision, trust_remote_code=False)
        config = AutoConfig.from_pretrained(location, revision=revision, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModel.from_config(config)
        pixels = processor(images=[Image.new("RGB", (96, 64))] * 2, return_tensors="pt")["pixel_values"].to("meta")
        states = getattr(model, "vision_model", model)(pixel_values=pixels).last_hidden_state
        side = patch_px(config)
        places = (pixels.shape[-2] // side) * (pixels.shape[-1] // side)
    except ModelError:
        raise
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(
            f"{path} finds no features in pictures: {error} Expected a vision model of transformers with its image "
            "processor, such as DINOv2 or SigLIP. Check judge.path."
        ) from error
    if states.ndim != 3 or states.shape[1] < places:
        raise ModelError(
            f"{path} gives features of the shape {tuple(states.shape)} for two pictures of {places} patches. Expected "
            "(pictures, places, features), as vision transformers give them. Check judge.path."
        )


def load_features(path: str, revision: str, device: str) -> FeatureJudge:
    """The judge, with an image model in 32 bits.

    Args:
        path: Folder or hub name of a vision model of transformers, such as DINOv2 or SigLIP.
        revision: Revision on the hub; ignored for folders.
        device: Torch device of the model.

    Raises:
        ModelError: The model cannot be loaded.
    """
    import torch
    from transformers import AutoImageProcessor, AutoModel

    location = resolve(path)
    try:
        processor = AutoImageProcessor.from_pretrained(location, revision=revision, trust_remote_code=False)
        model = AutoModel.from_pretrained(
            location, revision=revision, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"{path} cannot be loaded as an image model: {error} Check the judge's path.") from error
    return FeatureJudge(model.to(device).eval(), processor)
