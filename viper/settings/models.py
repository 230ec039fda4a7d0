"""Settings of the models: where each comes from, how pipelines are called, and who judges a reconstruction."""

from typing import Literal, Self

from pydantic import Field, model_validator

from viper.settings.section import Count, Device, MaybeModelPath, ModelPath, Section, Text, Word
from viper.settings.serving import Serving, TransformersServing


class ModelSettings(Section):
    """Where a model comes from."""

    path: ModelPath
    """Folder or hub name. ``shapes:NAME`` is an embedded model."""
    revision: Text = "main"
    """Revision on the hub; ignored for folders."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Number format of the weights in memory."""
    device: Device = "cuda"
    """Torch device, such as ``cpu``, ``cuda`` or ``cuda:1``."""
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    """Attention kernel of language models; pipelines choose their own."""


class VlmSettings(ModelSettings):
    """A vision-language model, and how large pictures are when it looks at them."""

    min_pixels: int = Field(default=0, ge=0)
    """Smallest width × height that it sees: smaller pictures are enlarged. 0 leaves it to the model's folder."""
    max_pixels: int = Field(default=0, ge=0)
    """Largest width × height that it sees: larger pictures are reduced, or cut into fewer crops, as its family does. 0
    leaves it to the model's folder."""
    serving: Serving = TransformersServing()
    """Who generates with it in synthesis and benchmarks."""

    @model_validator(mode="after")
    def _limits_leave_room(self) -> Self:
        if self.min_pixels > self.max_pixels > 0:
            raise ValueError(
                f"min_pixels is {self.min_pixels:,}, but max_pixels is only {self.max_pixels:,}. Set min_pixels to at "
                "most max_pixels, or either to 0 for the model folder's own."
            )
        return self


class DiffusionSettings(ModelSettings):
    """A diffusers pipeline and how it is called."""

    steps: Count = 28
    """Number of denoising steps."""
    guidance: float = Field(default=4.0, ge=0)
    """Guidance scale, given to the pipeline under the name that it uses (``true_cfg_scale`` for Qwen)."""
    negative_prompt: str = " "
    """Negative prompt for guided pipelines. Qwen's are silently unguided without one."""
    side_px: Count = 1024
    """Width and height of painted pictures, in pixels. Edited ones have as many pixels, and their sources' shapes."""
    batch: Count = 4
    """Pictures a forward pass. Part of the step's key, because it moves the last bits."""
    image_guidance: float = Field(default=1.5, ge=0)
    """How closely an edit keeps to its source, for InstructPix2Pix and OmniGen; others have no such scale."""
    quantization: Literal["none", "torchao-int8"] = "none"
    """Number format of the quantized components' weights; ``dtype`` remains that of what is computed."""
    quantized_components: tuple[Text, ...] = Field(default=("transformer", "text_encoder"), strict=False)
    """Components that ``quantization`` changes, by their names in the model's folder."""
    offload: bool = False
    """Components wait in main memory and go to the device one after the other: less of its memory, more time."""
    vae_tiling: bool = False
    """Pictures are decoded tile by tile, whose edges are blended: for sides that do not fit otherwise."""
    vae_slicing: bool = False
    """The pictures of a batch are decoded one after the other."""
    cache_threshold: float = Field(default=0, ge=0)
    """A step whose first block changes less than this (mean absolute residual, relative) is skipped; 0 for never. A
    batch decides together: with it, a picture depends on those beside it."""
    lora: str = ""
    """Folder or hub name of extra weights, such as those that paint in few steps; empty for none."""
    lora_file: str = ""
    """Name of their safetensors file in ``lora``."""
    lora_revision: Text = "main"
    """Revision of ``lora`` on the hub; ignored for folders."""
    scheduler: dict[str, bool | int | float | str] = Field(default={}, strict=False)
    """Entries of the scheduler's configuration that are other than in the model's folder, as few-step weights need."""

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        if self.offload and self.device == "cpu":
            raise ValueError(
                'offload is on, but device is "cpu". Set device to where the model computes, or offload off.'
            )
        if bool(self.lora) != bool(self.lora_file):
            raise ValueError(
                f"lora is {self.lora!r} and lora_file is {self.lora_file!r}. Set both, such as a hub name and the name "
                "of a file there, or neither."
            )
        if self.lora_file and not self.lora_file.endswith(".safetensors"):
            raise ValueError(f"lora_file is {self.lora_file!r}. Expected a name that ends in .safetensors.")
        return self


class ModelsSettings(Section):
    """The four models of the loop."""

    vlm: VlmSettings
    """The base vision-language model: champion of round 0."""
    painter: DiffusionSettings
    """Text-to-image model: image-level reconstruction."""
    editor: DiffusionSettings
    """Instruction editor: instance-level reconstruction."""
    similarity: ModelSettings
    """SentenceTransformer of the reward."""


class JudgeSettings(Section):
    """Who says how far a reconstruction is from its original."""

    kind: Word = "pixels"
    """``pixels`` compares small regions of the pictures; ``features`` compares what an image model sees in them."""
    path: MaybeModelPath = ""
    """Folder or hub name of the image model. Only ``features`` needs one."""
    revision: Text = "main"
    """Revision of the image model on the hub; ignored for folders."""
    device: Device = "cuda"
    """Torch device of the image model, such as ``cpu``, ``cuda`` or ``cuda:1``."""

    @model_validator(mode="after")
    def _has_the_model_that_it_needs(self) -> Self:
        if self.kind == "features" and not self.path.strip():
            raise ValueError(
                'kind is "features", but path names no image model. Set path to a folder or hub name, such as '
                '"facebook/dinov2-base", or kind to "pixels".'
            )
        if self.kind == "pixels" and self.path:
            raise ValueError(
                f'path is {self.path!r}, but the kind "pixels" has no model. Set kind to "features", or leave path out.'
            )
        return self
