"""One whole folder out of a model of the loop, for tools that take no adapter; and what its number format costs."""

import math
from pathlib import Path
from typing import Literal

import torch

from models.adapters import put_on
from models.vlm import Vlm, load_vlm
from viper.progress import tell
from viper.settings import VlmSettings

Format = Literal["float32", "bfloat16", "float16"]


def merge(model: VlmSettings, adapter: str, base: VlmSettings, dtype: Format, folder: Path) -> float:
    """Merge in 32 bits, round to a format, and write the folder, which plain transformers and vLLM read.

    Args:
        model: The weights.
        adapter: Folder of the adapter on them; empty for none.
        base: The weights from which everything was learned.
        dtype: Number format of the folder.
        folder: Where to write. It must be there.

    Returns:
        The rounding's share of what was learned, 0 for none: |rounded - learned| / |learned - base| over all weights
        that differ from the base's. At 1, rounding moved the weights as far as all training did.

    Raises:
        ModelError: A model cannot be loaded.
    """
    wide = {"dtype": "float32"}
    vlm = load_vlm(model.model_copy(update=wide))
    if adapter:
        vlm = Vlm(put_on(vlm.model, adapter).merge_and_unload(), vlm.processor)
    before = load_vlm(base.model_copy(update=wide)).model.state_dict()
    learned_2, rounded_2 = 0.0, 0.0
    weights = vlm.model.state_dict()
    for number, (name, weight) in enumerate(weights.items(), 1):
        tell(number, len(weights) + 1)  # then it is written
        update = weight - before[name]
        if update.any():
            learned_2 += float(update.double().square().sum())
            rounded_2 += float((weight.to(getattr(torch, dtype)).float() - weight).double().square().sum())
    Vlm(vlm.model.to(getattr(torch, dtype)), vlm.processor).save(folder)
    return math.sqrt(rounded_2 / learned_2) if learned_2 else 0.0
