"""What is wrong with a pipeline's settings, found from its small files before any weights are read."""

from pathlib import Path
from typing import Any

from models.locations import is_hub_name, read_description, resolve
from models.pipelines.families import find_family, known_families
from models.pipelines.family import PipelineFamily, Role
from models.pipelines.loading import check_packages
from models.pipelines.options import check_quantization
from viper.errors import ModelError
from viper.pictures import ShapeLimits
from viper.settings import DiffusionSettings

INDEX = "model_index.json"
SENTENCE_TOKENS = 16
"""A text encoder takes at least as many: no shorter sentence tells what is where."""


def editor_shapes(path: str, revision: str) -> ShapeLimits:
    """Shapes of pictures that an editor takes, read without loading it; any for what ``check_pipeline`` refuses.

    Args:
        path: Folder, hub name or address of a world's model.
        revision: On the hub; ignored for folders.

    Raises:
        ModelError: It is not there.
    """
    family = known_families().get(str(read_description(path, revision, INDEX).get("_class_name")))
    return family.shapes if family else ShapeLimits()


def check_pipeline(settings: DiffusionSettings, role: Role) -> None:
    """Make sure that a pipeline can do what its settings ask of it.

    Raises:
        ModelError: With what was found, what was expected, and what to do.
    """
    index = read_description(settings.path, settings.revision, INDEX)
    family = find_family(index.get("_class_name"), role, settings.path)
    check_packages(family)
    if left := settings.side_px % family.multiple_px:
        raise ModelError(
            f"side_px of the {role} {settings.path} is {settings.side_px}, but {family.name} takes multiples of "
            f"{family.multiple_px} only. Set it to {max(family.multiple_px, settings.side_px - left)}."
        )
    _check_guidance(settings, family, index)
    if settings.cache_threshold > 0 and not family.caches:
        raise ModelError(f"{family.name} cannot skip steps. Set cache_threshold of {settings.path} to 0.")
    if settings.quantization != "none" and family.package:
        raise ModelError(f'{family.name} cannot be quantized here. Set quantization of {settings.path} to "none".')
    check_quantization(settings)
    _check_text(settings, family, index)
    _check_channels(settings, role, index)
    local = bool(settings.lora) and not is_hub_name(settings.lora)
    if local and not (Path(resolve(settings.lora)) / settings.lora_file).is_file():
        raise ModelError(f"There is no file {settings.lora_file!r} in {settings.lora}, the lora of {settings.path}.")


def _check_guidance(settings: DiffusionSettings, family: PipelineFamily, index: dict[str, Any]) -> None:
    """A pipeline that does not listen to its guidance is not given one: it would paint unguided without a word."""
    if settings.guidance <= 1:
        return
    deaf = family.distilled != "" and bool(index.get(family.distilled))
    if family.kind == "embedded":
        described = read_description(settings.path, settings.revision, "transformer/config.json")
        deaf = not described.get("guidance_embeds")
    if deaf or not family.guidance:
        raise ModelError(
            f"guidance of {settings.path} is {settings.guidance}, but this {family.name} was made to paint without. "
            "Set guidance to 1."
        )


def _check_text(settings: DiffusionSettings, family: PipelineFamily, index: dict[str, Any]) -> None:
    """A sentence fits the text encoder, and the encoder has a position for each token that the pipeline gives it."""
    if family.text is None:
        return
    limit = family.text.tokens or index.get("prompt_max_tokens", SENTENCE_TOKENS)
    if not isinstance(limit, int) or limit < SENTENCE_TOKENS:
        raise ModelError(
            f"prompt_max_tokens in {INDEX} of {settings.path} is {limit!r}, so that no sentence would reach the "
            f"painting whole. Expected at least {SENTENCE_TOKENS} tokens."
        )
    for tokenizer in family.text.tokenizers:
        encoder = tokenizer.replace("tokenizer", "text_encoder")
        described = read_description(settings.path, settings.revision, f"{encoder}/config.json")
        positions = described.get("max_position_embeddings", limit)
        if str(described.get("model_type")).startswith("clip") and positions < limit:
            raise ModelError(
                f"The text encoder of {settings.path} has {positions} positions (max_position_embeddings), but "
                f"{family.name} gives it {limit} tokens. Fetch the model anew."
            )


def _check_channels(settings: DiffusionSettings, role: Role, index: dict[str, Any]) -> None:
    """A U-Net that edits sees its source beside the noise: it has twice the channels of one that paints."""
    if not index.get("unet"):
        return
    unet, vae = (read_description(settings.path, settings.revision, f"{part}/config.json") for part in ("unet", "vae"))
    found, expected = unet.get("in_channels"), vae.get("latent_channels", 0) * (2 if role == "editor" else 1)
    if found and expected and found != expected:
        raise ModelError(
            f"The U-Net of {settings.path} has {found} in_channels, but as {role} it needs {expected}, of latents of "
            f"{vae['latent_channels']} channels: it was made for another pipeline. Fetch the model anew."
        )
