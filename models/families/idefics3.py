"""Idefics3 and SmolVLM: a picture is seen in crops and whole, and each prompt has one row of crops."""

from collections.abc import Sequence
from typing import Any, ClassVar

from models.families.family import LINEAR, Family, Parts


class Idefics3(Family):
    """Idefics3, and the first SmolVLM, which has its form."""

    name = "Idefics3"
    model_type: ClassVar[str] = "idefics3"
    vision: ClassVar[tuple[str, ...]] = ("model.vision_model", "model.connector")
    adapters: ClassVar[str] = rf".*text_model.*\.{LINEAR}"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.idefics3 import processing_idefics3
        from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

        class Idefics3Processor(processing_idefics3.Idefics3Processor):
            """The stock processor, which asks no tokenizer where pictures stand: those of marked texts cannot say."""

            def get_text_with_replacements(self, *args: Any, **kwargs: Any) -> tuple[list[str], list[Any]]:
                texts, _ = super().get_text_with_replacements(*args, **kwargs)
                return texts, [[] for _ in texts]

        return Parts(Idefics3Processor, Idefics3ImageProcessorPil)

    def features(self, inputs: Any, pictures: Sequence[Sequence[Any]], processor: Any, config: Any) -> list[int]:
        """Of each crop its patches, one of ``scale_factor`` squared. What only fills a row up is 0 everywhere."""
        crops = (inputs["pixel_values"] != 0).flatten(2).any(-1).sum(-1).tolist()
        return [_of_crop(config) * count for count in crops]

    def picture_tokens(self, width: int, height: int, images: Any, config: Any) -> int:
        """As ``Family.picture_tokens``. A picture that is not cut up is one crop."""
        crops, _, _ = images.get_number_of_image_patches(height, width, {})
        return _of_crop(config) * max(1, int(crops))

    def pictures_of(self, inputs: Any, counts: Sequence[int], rows: Sequence[int]) -> dict[str, Any]:
        """One row a prompt."""
        names = ("pixel_values", "pixel_attention_mask")
        return {name: inputs[name][list(rows)] for name in names if inputs.get(name) is not None}


class SmolVlm(Idefics3):
    """SmolVLM 2."""

    name = "SmolVLM"
    model_type: ClassVar[str] = "smolvlm"

    def parts(self) -> Parts:
        """As ``Family.parts``."""
        from transformers.models.smolvlm import processing_smolvlm
        from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

        # It spells the number of a video's frames, and no step shows a model a video; the stock processor refuses to
        # start without it.
        processing_smolvlm.num2words = processing_smolvlm.num2words or str
        return Parts(processing_smolvlm.SmolVLMProcessor, SmolVLMImageProcessorPil, "SmolVLMVideoProcessor")


def _of_crop(config: Any) -> int:
    vision = config.vision_config
    return int((vision.image_size // vision.patch_size) ** 2 // config.scale_factor**2)
