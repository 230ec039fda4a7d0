"""What differs between families of pipelines, as data: how each is called, what it takes and what it cuts off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from viper.pictures import ShapeLimits

Role = Literal["painter", "editor"]
Measure = Literal["width", "height", "area", "longest"]
"""Of a picture in pixels: its sides, width × height, or its longer side."""
Frame = Literal["plain", "lowered", "template", "instruction", "chat", "thinking", "omnigen2"]
"""What a pipeline makes of a text before it counts tokens, see ``models.pipelines.texts``."""
COMMON = ("vae", "text_encoder", "tokenizer", "scheduler")
SIDES: Mapping[str, Measure] = {"width": "width", "height": "height"}


@dataclass(frozen=True)
class TextLimit:
    """How much text a pipeline takes. What is longer it cuts off, with a line in a log at most."""

    tokens: int
    """With the special ones that the tokenizer adds; 0 where ``model_index.json`` says (``prompt_max_tokens``)."""
    tokenizers: tuple[str, ...] = ("tokenizer",)
    """Components that count; each must take the text. FLUX's CLIP, which gives a summary only, is not among them."""
    frame: Frame = "plain"


@dataclass(frozen=True)
class Source:
    """How an editor takes the pictures that it edits."""

    argument: str = "image"
    batched: bool = True
    """A list of pictures is a batch, one a prompt; otherwise it is several references for one picture."""
    nested: bool = False
    """The argument is one list of pictures a prompt."""
    prompt: str = "{}"
    """How the instruction is written."""


@dataclass(frozen=True)
class PipelineFamily:
    """One line of the table."""

    name: str
    classes: tuple[str, ...]
    """Class names, as ``model_index.json`` has them."""
    roles: tuple[Role, ...]
    multiple_px: int
    """A side is a multiple of this many pixels."""
    parts: tuple[str, ...] = (*COMMON, "transformer")
    """Components that it does not work without, by their names in ``model_index.json``."""
    guidance: str = ""
    """The argument that ``guidance`` of the settings is given under; empty for pipelines without guidance."""
    kind: Literal["cfg", "embedded"] = "cfg"
    """``cfg`` compares with an unguided prediction and is off at 1 or less; ``embedded`` is a number that the
    transformer was distilled with."""
    negative: bool = True
    """It takes ``negative_prompt``, one a picture, where it is guided."""
    image_guidance: str = ""
    """The argument for how closely an edit keeps to its source; empty where there is none."""
    distilled: str = ""
    """Switch in ``model_index.json`` that says that the pipeline ignores its guidance."""
    text: TextLimit | None = None
    """``None`` where no text of a caption's length is cut."""
    sizes: Mapping[str, Measure] = field(default_factory=lambda: SIDES)
    """Arguments that are told the size; a pipeline without them works at the size of its sources."""
    shapes: ShapeLimits = field(default_factory=ShapeLimits)
    """Sources that it takes."""
    source: Source = Source()
    fixed: Mapping[str, object] = field(default_factory=dict)
    """Arguments that are always the same."""
    guided_alone: bool = False
    """Guided, it takes one picture a pass."""
    global_noise: bool = False
    """It also draws from torch's global generator, when it encodes its source: so one picture a pass."""
    seeded: bool = True
    """It takes one ``generator`` a picture."""
    caches: bool = False
    """Its transformer can skip steps that change little (diffusers' first block cache)."""
    qwen_processor: bool = False
    """Its ``processor`` is that of Qwen2.5-VL."""
    needs: str = ""
    """Package that it cannot do without and that diffusers does not install."""
    package: str = ""
    """Module with the pipeline's class, where diffusers lacks it."""
