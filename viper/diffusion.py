"""A painter or an editor in the key of a step: its model, and everything that moves its pictures."""

from viper.records import ModelRef, ModelUse


class DiffusionUse(ModelUse):
    """A pipeline and how it is called."""

    steps: int
    """Number of denoising steps."""
    guidance: float
    """Scale, under the name that the pipeline uses."""
    negative_prompt: str
    side_px: int
    """Width and height of its pictures, in pixels; of edited ones, of a square with as many pixels."""
    batch: int
    """Pictures a forward pass: it moves the last bits."""
    image_guidance: float
    """How closely an edit keeps to its source."""
    quantization: str
    """Number format of the weights of ``quantized_components``; ``none`` for that of all."""
    quantized_components: tuple[str, ...]
    vae_tiling: bool
    vae_slicing: bool
    cache_threshold: float
    """Steps that change less are skipped; 0 for none."""
    lora: ModelRef | None = None
    """Extra weights, if there are any."""
    lora_file: str
    scheduler: dict[str, bool | int | float | str]
    """What is changed in the scheduler's configuration."""
