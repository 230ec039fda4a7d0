"""Compares the features that an image model finds in two pictures: what is shown rather than how.

Right for photographs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.locations import resolve
from viper.errors import ModelError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


class FeatureJudge:
    """Cosine distance of the mean features of each pair, in [0, 2].

    Args:
        model: A vision model of transformers, on its device.
        processor: Its image processor.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self._tower, self._processor = getattr(model, "vision_model", model), processor
        self._device = model.device

    def distances(self, first: Sequence["Image"], second: Sequence["Image"]) -> list[float]:
        """One distance a pair; 0 means the same."""
        distances: list[float] = (1 - (self._features(first) * self._features(second)).sum(-1)).tolist()
        return distances

    def _features(self, images: Sequence["Image"]) -> "Tensor":
        """(N, D): one row of unit length a picture."""
        import torch

        with torch.inference_mode():
            pixels = self._processor(images=[image.convert("RGB") for image in images], return_tensors="pt")
            states = self._tower(pixel_values=pixels["pixel_values"].to(self._device)).last_hidden_state.float()
            return torch.nn.functional.normalize(states.mean(1), dim=-1)


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
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(
            f"{path} finds no features in pictures: {error} Expected a vision model of transformers with its image "
            "processor, such as DINOv2 or SigLIP. Check judge.path."
        ) from error
    if states.ndim != 3:
        raise ModelError(
            f"{path} gives features of the shape {tuple(states.shape)} for two pictures. Expected (pictures, places, "
            "features), as vision transformers give them. Check judge.path."
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
