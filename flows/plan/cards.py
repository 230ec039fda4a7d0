"""The card that a profile would find on this machine."""

import psutil

from models.sizes.cards import CARDS, Card, processor
from viper.settings import Settings


def card_of(settings: Settings) -> Card:
    """Where a profile's models compute: this machine's accelerator, its CPU, or an H100 where there is none.

    A profile for accelerators is mostly planned on another machine than the one that runs it.
    """
    device = settings.models.vlm.device
    if device == "cpu":
        return processor(psutil.virtual_memory().total)
    return card_here(device) or CARDS["H100"]


def card_here(device: str) -> Card | None:
    """The accelerator at a torch device of this machine; ``None`` if it does not say what memory it has.

    Its memory is its own; its speed is that of the table's card whose name it holds, or of the slowest.
    """
    import torch

    kind, _, number = device.partition(":")
    of_kind = getattr(torch, kind, None)
    if of_kind is None or not hasattr(of_kind, "get_device_properties") or not of_kind.is_available():
        return None
    properties = of_kind.get_device_properties(int(number or 0))
    names = [name for name in CARDS if name.replace("RTX", "RTX ") in properties.name]
    like = CARDS[max(names, key=len)] if names else min(CARDS.values(), key=lambda card: card.flops)
    source = like.source if names else f"unknown here, taken for {like.name}"
    changed = {"name": properties.name, "memory_bytes": properties.total_memory, "source": source}
    return like.model_copy(update=changed)
