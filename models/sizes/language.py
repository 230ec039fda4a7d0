"""What of a vision-language model decides its memory and its time, read off its description."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from models.families import find_family
from models.families.weights import adapter_targets, in_vision
from models.sizes.weights import on_meta
from viper.records import Record
from viper.settings import TrainingSettings


class VlmShape(Record):
    """The numbers of a model's description."""

    family: str
    """As people write it."""
    shared_prefix: bool
    """Whether the family computes a group's prompt once in training."""
    parameters: int
    vision_parameters: int
    """Of tower and projector, which are among ``parameters``."""
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    vision_hidden: int
    vision_layers: int
    patch_numbers: int
    """Numbers that a patch of a picture has before the tower: its pixels, in three colors."""
    patches_a_token: int
    """Patches that become one token."""

    @property
    def kv_numbers(self) -> int:
        """Numbers that the cache keeps of a token: a key and a value for each layer (arXiv 2305.13245)."""
        return 2 * self.layers * self.kv_heads * self.head_dim


@cache
def shape_of(folder: Path) -> VlmShape:
    """The shape of the model in a folder.

    Raises:
        ModelError: Its description is damaged, or its family is not known.
    """
    model = on_meta(folder)
    family = find_family(model.config.model_type, str(folder))
    text, vision = model.config.get_text_config(), model.config.vision_config
    numbers = {name: weight.numel() for name, weight in model.named_parameters()}
    patch = _first(vision, "patch_size")
    return VlmShape(
        family=family.name,
        shared_prefix=family.shared_prefix,
        parameters=sum(numbers.values()),
        vision_parameters=sum(count for name, count in numbers.items() if in_vision(family, name)),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        intermediate=text.intermediate_size,
        heads=text.num_attention_heads,
        kv_heads=text.num_key_value_heads,
        head_dim=getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads,
        vocabulary=text.vocab_size,
        vision_hidden=_first(vision, "embed_dim", "hidden_size"),
        vision_layers=_first(vision, "depth", "num_hidden_layers"),
        patch_numbers=3 * patch**2 * getattr(vision, "temporal_patch_size", 1),
        patches_a_token=getattr(vision, "spatial_merge_size", 1) ** 2,
    )


def lora_numbers(folder: Path, training: TrainingSettings) -> int:
    """Parameters of the adapters that a profile puts on a model: rank × (inputs + outputs) of every map they lie on.

    Raises:
        ModelError: The pattern of the profile hits nothing, or what can have no adapter.
    """
    return sum(training.lora.rank * sum(module.weight.shape[:2]) for module in _adapted(folder, training).values())


def learning_layers(folder: Path, training: TrainingSettings) -> int:
    """Layers of the language model that gradients go through: those from the lowest that learns."""
    layers = shape_of(folder).layers
    if training.method == "full" or training.vision_tower:
        return layers
    found = [re.search(r"\.layers\.(\d+)\.", name) for name in _adapted(folder, training)]
    return layers - min((int(one[1]) for one in found if one), default=0)


def _adapted(folder: Path, training: TrainingSettings) -> dict[str, Any]:
    """The modules that get an adapter, by name."""
    model = on_meta(folder)
    family = find_family(model.config.model_type, str(folder))
    targets = re.compile(adapter_targets(model, family, training.lora.target_modules, training.vision_tower))
    return {name: module for name, module in model.named_modules() if targets.fullmatch(name)}


def learning_numbers(folder: Path, training: TrainingSettings) -> int:
    """Parameters that learn: those of the adapters, or of the language model, with the tower's where it learns, too."""
    if training.method == "lora":
        return lora_numbers(folder, training)
    shape = shape_of(folder)
    return shape.parameters - (0 if training.vision_tower else shape.vision_parameters)


def _first(config: Any, *names: str) -> int:
    """The first of these numbers that a configuration has; of a pair of equal ones, one."""
    value = next(getattr(config, name) for name in names if getattr(config, name, None))
    return int(value[0] if isinstance(value, list | tuple) else value)
