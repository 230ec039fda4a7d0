"""Qwen2.5-VL's processor for machines without torchvision: images and text, no video."""

from typing import Any

from transformers import AutoTokenizer
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from viper.errors import ModelError


class ImageOnlyQwenProcessor(Qwen2_5_VLProcessor):
    """The stock processor with the video processor left out. Saves and loads stock folders."""

    attributes = ("image_processor", "tokenizer")

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None) -> None:
        self.video_processor = None
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        # The parent's own __init__ insists on a video processor.
        super(Qwen2_5_VLProcessor, self).__init__(image_processor, tokenizer, chat_template=chat_template)


def load_image_only_processor(folder: str, revision: str = "main") -> ImageOnlyQwenProcessor:
    """The processor of a Qwen2.5-VL folder or hub model.

    Raises:
        ModelError: The folder is of another model family, which needs torchvision here, or a file is missing.
    """
    from transformers import AutoConfig

    try:
        kind = AutoConfig.from_pretrained(folder, revision=revision).model_type
        if kind not in ("qwen2_vl", "qwen2_5_vl"):
            raise ModelError(
                f"{folder} is a {kind} model, whose processor needs torchvision. Install it, or use Qwen2.5-VL."
            )
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, padding_side="left")
        images = Qwen2VLImageProcessorPil.from_pretrained(folder, revision=revision)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} has no complete processor: {error}") from error
    return ImageOnlyQwenProcessor(images, tokenizer, chat_template=tokenizer.chat_template)
