"""Models of the store by their key: a champion, what a stage made, or a training checkpoint."""

import os

from storage.objects import ObjectStore
from tasks.promotion import base_vlm, read_champion
from tasks.step import open_store
from viper.environment import work_folder
from viper.errors import ModelError
from viper.records import ArtifactRef, ModelRef
from viper.settings import Settings

ROOMS = ("evolutions/", "results/")
"""How keys begin."""


def is_key(name: str) -> bool:
    """Whether ``name`` is meant as a key of the store, and not as a folder or hub name."""
    return name.startswith(ROOMS)


def stored_vlm(settings: Settings, key: str) -> ModelRef:
    """The model under a key of the store.

    Args:
        settings: Whose base a checkpoint of the first stage starts from.
        key: Of a champion, of an artifact ``model``, or of a checkpoint, as ``viper data lineage`` and
            ``viper champion history`` show them.

    Raises:
        ModelError: Nothing lies there, it is no model, or the base is another one than the checkpoint's.
    """
    store = open_store()
    ref = store.find(key)
    if ref is None or ref.kind not in ("champion", "model", "checkpoint"):
        found = "nothing lies" if ref is None else f"{ref.kind!r} lies"
        raise ModelError(f"{key!r} is no model: {found} there. Expected the key of a champion, model or checkpoint.")
    if ref.kind == "champion":
        return read_champion(key)
    if ref.kind == "model":
        return ModelRef(name="model", artifact=ref, fingerprint=ref.sha256)
    return _of_checkpoint(settings, store, ref)


def _of_checkpoint(settings: Settings, store: ObjectStore, ref: ArtifactRef) -> ModelRef:
    identity = store.manifest(ref).meta["identity"]
    assert isinstance(identity, dict)
    name = f"{identity['stage']} after {int(ref.uri.rpartition('/')[2])}"
    if identity["method"] == "full":
        return ModelRef(name=name, artifact=ref, fingerprint=ref.sha256)
    start, base = str(identity["model"]), base_vlm(settings)
    artifact = next(
        (found for one in store.list("results/model") if (found := store.find(one)) and found.sha256 == start), None
    )
    if artifact is None and base.fingerprint != start:
        raise ModelError(
            f"{ref.uri!r} was trained from a model with the fingerprint {start[:12]}…, which is neither in the store "
            f"nor the base {settings.models.vlm.path}. Name its profile with --profile."
        )
    folder = store.download(ref, work_folder() / "models" / ref.sha256)
    os.utime(folder)
    return ModelRef(
        name=name,
        settings_path=base.settings_path,
        artifact=artifact,
        adapter=str(folder),
        fingerprint=f"{start}+{ref.sha256}",
    )
