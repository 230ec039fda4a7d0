"""Processors of images and text, the same on every machine: Pillow in place of torchvision, and no video.

The stock processors need torchvision, most of them for their videos alone, and where it is installed they resize images
with it, which gives other pixels than Pillow. The processors below use Pillow everywhere. In the place of the video
processor they hold its settings only. transformers writes the names of the classes into what it saves: these have the
stock names, so the folders that they save are stock folders, which ``AutoProcessor`` loads.
"""

from typing import Any

from transformers import AutoTokenizer
from transformers.video_processing_utils import VideoProcessorMixin

from models.families.family import Parts


class _AnyVideoProcessor:
    """Mixed in before a stock processor: lets the video processor be one of no stock class."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        if argument_name == "video_processor":
            return type(argument)
        return super().check_argument_for_proper_class(argument_name, argument)  # type: ignore[misc]


def make_processor(
    parts: Parts, tokenizer: Any, images: Any, videos: dict[str, Any] | None = None, **options: Any
) -> Any:
    """A processor, ready for use and for ``save_pretrained``.

    Args:
        parts: Of its family.
        tokenizer: With the family's own tokens.
        images: Of the class ``parts.images``.
        videos: Settings of the video processor; without them those of the images, which fit.
        options: What else the stock class takes, such as ``chat_template`` or ``image_seq_length``. Others are ignored.
    """
    kind = _named(parts.processor.__name__, (_AnyVideoProcessor, parts.processor), parts.processor.__doc__)
    arguments = [images, tokenizer]
    if parts.videos:
        settings = images.to_dict() if videos is None else videos
        arguments.append(_video_settings(parts.videos)(**settings))
    return kind.from_args_and_dict(arguments, options)


def load_processor_of(parts: Parts, folder: str, revision: str = "main") -> Any:
    """The processor of a folder or hub model.

    Args:
        parts: Of its family.
        folder: A path, or a name on the hub.
        revision: A branch, tag or commit of the hub model.

    Raises:
        OSError: A file of the processor is missing.
        ValueError: A file of the processor is damaged.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, padding_side="left", trust_remote_code=False)
    images = parts.images.from_pretrained(folder, revision=revision)
    saved, _ = parts.processor.get_processor_dict(folder, revision=revision)
    saved["chat_template"] = saved.get("chat_template") or tokenizer.chat_template
    return make_processor(parts, tokenizer, images, _saved_videos(parts, folder, revision), **saved)


def _saved_videos(parts: Parts, folder: str, revision: str) -> dict[str, Any] | None:
    if not parts.videos:
        return None
    try:
        settings, _ = _video_settings(parts.videos).get_video_processor_dict(folder, revision=revision)
    except OSError:  # a folder that an earlier version of the project saved has none
        return None
    return dict(settings)


def _video_settings(name: str) -> type[Any]:
    """A class that keeps the settings of a stock video processor, so that they are saved again.

    No step shows a model a video, so there is nothing here that reads one: transformers refuses it.
    """
    asked = {"num_frames": None, "fps": None}  # what SmolVLM asks it for, of every conversation
    return _named(name, (VideoProcessorMixin,), "The settings of the stock video processor.", **asked)


def _named(name: str, bases: tuple[type, ...], doc: str | None, **fields: Any) -> type[Any]:
    return type(name, bases, {"__module__": __name__, "__doc__": doc, **fields})
