"""Gives a model of the loop to other tools, as a folder."""

import shutil
from pathlib import Path

from models.merging import Format, merge
from tasks.worker import Worker
from viper.errors import ModelError
from viper.records import ModelRef, VlmUse


def export_made(worker: Worker, model: ModelRef, folder: Path) -> None:
    """Write what the rounds made of a model: its adapter, which goes on the base; or its whole weights, in 32 bits.

    Raises:
        ModelError: No round made it, or the folder is not empty.
    """
    if model.made is None:
        raise ModelError(f"No round made {model.name!r}: it is the model at {model.settings_path}.")
    worker.store.download(model.made, _empty(folder))


def export_merged(worker: Worker, model: ModelRef, base: ModelRef, dtype: Format, folder: Path) -> float:
    """Write a model as one whole folder.

    Args:
        worker: Finds the weights.
        model: What to export.
        base: The base of its evolution.
        dtype: Number format of the folder.
        folder: Where to write; new or empty.

    Returns:
        The rounding's share of what was learned, see ``models.merging``.

    Raises:
        ModelError: A model cannot be loaded, or the folder is not empty.
    """
    whole, before = (worker.vlm_settings(VlmUse(model=one, dtype="float32")) for one in (model, base))
    target = _empty(folder)
    try:
        return merge(whole, worker.adapter_of(model), before, dtype, target)
    except BaseException:
        shutil.rmtree(target)
        raise


def _empty(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelError(f"{folder} is there and not empty. Name a new folder, or empty it.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
