"""The processors of Qwen2-VL and Qwen2.5-VL, the same on every machine: images and text, no video.

The stock processors need torchvision for their videos, and where it is installed they resize images with it, which
gives other pixels than Pillow. The processors below use Pillow everywhere. In the place of the video processor they
hold its settings only. transformers writes the names of the classes into what it saves: these have the stock names, so
the folders that they save are stock folders, which ``AutoProcessor`` loads.
"""

from typing import Any

from transformers import AutoTokenizer
from transformers.models.qwen2_5_vl import processing_qwen2_5_vl
from transformers.models.qwen2_vl import processing_qwen2_vl
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.video_processing_utils import VideoProcessorMixin


class Qwen2VLVideoProcessor(VideoProcessorMixin):
    """The settings of the stock video processor, kept so that they are saved again.

    No step shows a model a video, so there is nothing here that reads one: transformers refuses it.
    """


class _AnyVideoProcessor:
    """Mixed in before a stock processor: lets the video processor be one of no stock class."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        if argument_name == "video_processor":
            return type(argument)
        return super().check_argument_for_proper_class(argument_name, argument)  # type: ignore[misc]


class Qwen2VLProcessor(_AnyVideoProcessor, processing_qwen2_vl.Qwen2VLProcessor):
    """The stock processor of Qwen2-VL, with any video processor."""


class Qwen2_5_VLProcessor(_AnyVideoProcessor, processing_qwen2_5_vl.Qwen2_5_VLProcessor):
    """The stock processor of Qwen2.5-VL, with any video processor."""


PROCESSORS: dict[str, type[Any]] = {"qwen2_vl": Qwen2VLProcessor, "qwen2_5_vl": Qwen2_5_VLProcessor}
"""Model type, as ``config.json`` names it, to processor."""


def load_qwen_processor(kind: str, folder: str, revision: str = "main") -> Any:
    """The processor of a Qwen2-VL or Qwen2.5-VL folder or hub model.

    Args:
        kind: A key of ``PROCESSORS``.
        folder: A path, or a name on the hub.
        revision: A branch, tag or commit of the hub model.

    Raises:
        OSError: A file of the processor is missing.
        ValueError: A file of the processor is damaged.
    """
    processor = PROCESSORS[kind]
    tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, padding_side="left", trust_remote_code=False)
    images = Qwen2VLImageProcessorPil.from_pretrained(folder, revision=revision)
    video = _video_settings(folder, revision, images)
    saved, _ = processor.get_processor_dict(folder, revision=revision)
    template = saved.get("chat_template") or tokenizer.chat_template
    return processor(images, tokenizer, video, chat_template=template)


def _video_settings(folder: str, revision: str, images: Qwen2VLImageProcessorPil) -> Qwen2VLVideoProcessor:
    try:
        settings, _ = Qwen2VLVideoProcessor.get_video_processor_dict(folder, revision=revision)
    except OSError:
        # A folder that an earlier version of the project saved: it has none, and the images' settings fit.
        settings = images.to_dict()
    return Qwen2VLVideoProcessor(**settings)
