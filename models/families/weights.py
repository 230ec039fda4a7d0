"""Which weights of a model learn: adapters by name, or the language model; the vision tower if a setting says so.

Names alone decide, so that a pattern that hits nothing is refused before any weight is read.
"""

import re
from typing import Any

from models.families.family import Family
from viper.errors import ModelError

ADAPTABLE = ("Linear", "Conv1d", "Conv2d", "Conv3d", "Embedding")
"""Kinds of modules that can have an adapter."""


def adapter_targets(model: Any, family: Family, pattern: str, vision_tower: bool) -> str:
    """The regular expression of the modules that get an adapter, which their whole names match.

    Args:
        model: Whole, or on the device ``meta``.
        family: Of the model.
        pattern: Of modules outside the vision tower; empty for the family's own.
        vision_tower: Whether every linear map of the vision tower and its projector gets one, too.

    Raises:
        ModelError: The pattern hits nothing, what can have no adapter, or the tower, which has a setting of its own.
    """
    wanted = pattern or family.adapters
    kinds = {name: type(module).__name__ for name, module in model.named_modules() if name}
    hits = [name for name in kinds if re.fullmatch(wanted, name)]
    what = f"training.lora.target_modules {wanted!r}"
    if not hits:
        some = next((name for name in kinds if re.fullmatch(family.adapters, name)), "")
        raise ModelError(
            f"{what} matches no module of this {family.name}, so that nothing would learn. Whole names must match, "
            f"such as {some!r}. Leave the setting out for {family.adapters!r}."
        )
    if unfit := [name for name in hits if kinds[name] not in ADAPTABLE]:
        raise ModelError(
            f"{what} matches {unfit[0]!r}, a {kinds[unfit[0]]}, which can have no adapter. Match linear maps alone."
        )
    if seen := [name for name in hits if in_vision(family, name)]:
        raise ModelError(
            f"{what} matches {seen[0]!r} in the vision tower. Match modules of the language model, and set "
            "training.vision_tower to true for the tower."
        )
    if not vision_tower:
        return wanted
    linear = [name for name, kind in kinds.items() if kind == "Linear" and in_vision(family, name)]
    return f"(?:{wanted})|{'|'.join(map(re.escape, linear))}"


def let_learn(model: Any, family: Family, vision_tower: bool) -> None:
    """Mark the weights of the language model as those that learn, and those of the vision tower if they shall."""
    model.requires_grad_(False)
    model.get_decoder().requires_grad_(True)
    model.get_output_embeddings().requires_grad_(True)
    if vision_tower:
        for name, weight in model.named_parameters():
            if in_vision(family, name):
                weight.requires_grad_(True)


def in_vision(family: Family, name: str) -> bool:
    """Whether a module or weight of this name belongs to the vision tower or its projector."""
    return any(name == part or name.startswith(f"{part}.") for part in family.vision)
