"""What is known of a vision-language model before any of its weights is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

from models.families import family_of
from models.families.prompts import read_prompts
from models.families.weights import adapter_targets
from models.locations import read_description, resolve
from models.prompt_reader import Prompt
from models.prompts import Prompts
from models.vlm import GENERATION, ends_of, load_processing
from viper.errors import ModelError
from viper.settings import TrainingSettings, VlmSettings

SHOWN = (96, 64)
"""Width and height of the picture that a processor is tried with, in pixels."""
RATIOS = (1.0, 4 / 3, 3 / 2, 16 / 9, 2.0, 3.0, 5.0, 8.0)
"""Of the longer side to the shorter one, where the costliest picture is looked for."""


@dataclass(frozen=True)
class Reading:
    """A prompt of the loop, as long as it can be."""

    name: str
    text: str
    """Without what is filled into its blanks."""
    pictures: int
    filled: int
    """Texts of the model itself that are filled in."""


def readings_of(prompts: Prompts) -> list[Reading]:
    """The prompts of a world, with empty blanks."""
    empty = {"caption": "", "corrections": "", "operation": ""}
    return [
        Reading("caption", prompts.caption, 1, 0),
        Reading("critique", prompts.critique.format(**empty), 2, 1),
        Reading("rewrite", prompts.rewrite.format(**empty), 0, 2),
        Reading("refine", prompts.refine.format(**empty), 1, 1),
        Reading("operations", prompts.operations.format(**empty), 1, 1),
        Reading("predict", prompts.predict, 2, 0),
        Reading("happened", prompts.happened.format(**empty), 2, 1),
    ]


def check_reading(vlm: VlmSettings, prompts: Prompts, text_tokens: int, reply_tokens: int, max_pixels: int) -> None:
    """Put a picture and the world's prompts through the processor, and see that the model can end and has room.

    Args:
        vlm: The model.
        prompts: Of the world.
        text_tokens: Longest text of the model that is filled into a prompt.
        reply_tokens: Longest reply.
        max_pixels: Largest picture that is shown, width x height.

    Raises:
        ModelError: The processor is damaged or of another model, image tokens are not as many as features, replies
            would never end, or the longest prompt and its reply do not fit the model.
    """
    from PIL import Image

    family, processor, config = load_processing(vlm)
    readings = readings_of(prompts)
    picture = Image.new("RGB", SHOWN, (128, 64, 32))
    asked = [Prompt(one.text, (picture,) * one.pictures) for one in readings]
    inputs = read_prompts(family, processor, config, _written(vlm, processor, asked), [one.images for one in asked])
    _check_ends(vlm, config)
    positions = config.get_text_config().max_position_embeddings
    for one, mask in zip(readings, inputs["attention_mask"], strict=True):
        tokens = partial(family.picture_tokens, processor, together=one.pictures)
        text = int(mask.sum()) - (one.pictures * tokens(*SHOWN) if one.pictures else 0)
        shown = one.pictures * most_tokens(tokens, max_pixels) if one.pictures else 0
        needed = text + shown + one.filled * text_tokens + reply_tokens
        if needed > positions:
            raise ModelError(
                f"The prompt {one.name!r} takes up to {needed:,} tokens: {text:,} of text, {shown:,} of {one.pictures} "
                f"pictures, {one.filled * text_tokens:,} filled in and {reply_tokens:,} of the reply. {vlm.path} has "
                f"{positions:,} positions (max_position_embeddings). Lower models.vlm.max_pixels or max_new_tokens."
            )


def most_tokens(tokens: Callable[[int, int], int], max_pixels: int) -> int:
    """Tokens of the costliest picture of several shapes.

    Args:
        tokens: Those of a picture of some width and height, in pixels.
        max_pixels: Largest picture, width x height.
    """
    sides = [(round(sqrt(max_pixels * ratio)), max(1, int(sqrt(max_pixels / ratio)))) for ratio in RATIOS]
    return max(tokens(*size) for width, height in sides for size in ((width, height), (height, width)))


def _written(vlm: VlmSettings, processor: Any, asked: Sequence[Prompt]) -> list[str]:
    """Prompts as the chat template writes them."""
    try:
        return [processor.apply_chat_template(one.messages(), add_generation_prompt=True) for one in asked]
    except Exception as error:  # templates are programs that others wrote
        raise ModelError(
            f"The chat template of {vlm.path} fails: {error} Expected chat_template.jinja, which writes a turn with "
            "pictures and text. Fetch the model anew."
        ) from error


def _check_ends(vlm: VlmSettings, config: Any) -> None:
    """A reply ends with a token that the model knows; without one, every reply would be as long as it may be."""
    described, own = read_description(vlm.path, vlm.revision, GENERATION), config.get_text_config()
    ends = ends_of(vlm, config)
    named: object = list(ends) if len(ends) != 1 else ends[0]
    if named == [] or not all(isinstance(one, int) and 0 <= one < own.vocab_size for one in ends):
        raise ModelError(
            f"eos_token_id of {vlm.path} is {named!r} in {GENERATION if described else 'config.json'}. Expected the "
            f"number, from 0 to {own.vocab_size - 1:,}, of the token that ends a reply: no reply would end."
        )


def check_trainable(vlm: VlmSettings, training: TrainingSettings) -> None:
    """Make sure that the model is of a known family and that the adapters have places in it.

    Raises:
        ModelError: The family is not known, the model's description is damaged, or a pattern hits the wrong modules.
    """
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    family = family_of(vlm.path, vlm.revision)
    if training.method != "lora":
        return
    try:
        config = AutoConfig.from_pretrained(resolve(vlm.path), revision=vlm.revision, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(config, attn_implementation=vlm.attention)
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(
            f"config.json of {vlm.path} describes no vision-language model: {error} Check models.vlm.path."
        ) from error
    adapter_targets(model, family, training.lora.target_modules, training.vision_tower)
