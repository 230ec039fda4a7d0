"""Where the small files of a model are found, without a hub and without weights."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.locations import MODEL, PIPELINE, is_hub_name, resolve
from viper.errors import ModelError

PUBLISHED = Path(__file__).with_name("published.json")
"""Descriptions of published models, by hub name: what their ``config.json`` files say, as far as it decides sizes. The
parameters that the hub states stand beside them, and a test counts them anew."""


@dataclass(frozen=True)
class Description:
    """The small files of one model."""

    folder: Path
    """With ``config.json`` or ``model_index.json``."""
    source: str
    """Where they come from, as people read it."""
    here: bool
    """Whether the weights lie in the folder, too."""

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty if there is none."""
        file = self.folder / name
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return found


def describe(path: str, revision: str, scratch: Path) -> Description:
    """The description of a model: of its folder, of its copy in the hub's cache, the published one, or the hub's.

    Args:
        path: Folder, hub name or address of a world's model.
        revision: On the hub; ignored for folders.
        scratch: Where a published description may be written down.

    Raises:
        ModelError: There is no such folder, or nothing is known of the hub model here.
    """
    if not is_hub_name(path):
        return Description(Path(resolve(path)), "its folder", here=True)
    cached = _cached(path, revision)
    if cached is not None and any(cached.rglob("*.safetensors")):
        return Description(cached, "the hub's cache", here=True)
    if path in published():
        return Description(_written(path, scratch), f"published at {published()[path]['source']}", here=False)
    if (fetched := _small_files(path, revision)) is not None:
        return Description(fetched, "its small files on the hub", here=False)
    known = ", ".join(name for name, entry in published().items() if entry["files"])
    raise ModelError(
        f"The size of {path} is not known here: it is neither in the hub's cache nor among the descriptions that come "
        f"with this project ({known}). Run `hf download {path} --include '*.json'` first; no weights are needed."
    )


def file_bytes(path: str, name: str) -> int:
    """The size of one file of extra weights: in a folder, or as published; 0 if it is not known."""
    if not is_hub_name(path):
        file = Path(resolve(path)) / name
        return file.stat().st_size if file.is_file() else 0
    sizes: dict[str, int] = published().get(path, {}).get("file_bytes", {})
    return sizes.get(name, 0)


@cache
def published() -> dict[str, Any]:
    """What comes with this project, by hub name."""
    found: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return found


def _cached(path: str, revision: str) -> Path | None:
    """The folder of a model in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    for name in (MODEL, PIPELINE):
        found = try_to_load_from_cache(path, name, revision=revision)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _small_files(path: str, revision: str) -> Path | None:
    """The folder of a model's JSON files, fetched if the hub can be reached; else as the cache has it, if it does."""
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(path, revision=revision, allow_patterns=["*.json", "*/*.json"]))
    except (OSError, HFValidationError, httpx2.HTTPError):
        return None


def _written(path: str, scratch: Path) -> Path:
    """The published files of a model, as a folder."""
    folder = scratch / path.replace("/", "--")
    for name, content in published()[path]["files"].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")
    return folder
