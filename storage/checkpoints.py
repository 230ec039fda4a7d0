"""Training checkpoints in the store, without pickles.

The trainer's own folder is stored file by file, except its pickles: ``optimizer.pt``, ``scheduler.pt`` and
``rng_state.pth`` are split into ``<file>.json`` and ``<file>.safetensors`` and built again, on the machine that
resumes, when a checkpoint is restored. ``training_args.bin`` is dropped, because the resuming run makes its own.
"""

import json
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from storage.layout import checkpoint_step
from storage.manifest import canonical_json, check_meta
from storage.objects import ObjectStore
from storage.tensors import pack_state, unpack_state
from viper.errors import CheckpointMismatch, CorruptArtifact, StoreError
from viper.records import ArtifactRef

PICKLES = {".pt", ".pth", ".bin"}
DROPPED = {"training_args.bin"}

_log = logging.getLogger(__name__)


def save_checkpoint(store: ObjectStore, key: str, folder: Path, identity: Mapping[str, JsonValue]) -> ArtifactRef:
    """Store the checkpoint that the trainer wrote to ``folder``.

    Args:
        store: Where to store it.
        key: ``storage.layout.checkpoint_key``.
        folder: As the trainer left it.
        identity: Everything that must be equal for a resume to end in the same bits: settings, data, code version.

    Raises:
        StoreError: If a pickle holds something other than tensors, numbers and text, or the store refuses.
    """
    entries: dict[str, bytes | Path] = {}
    packed: list[JsonValue] = []
    with tempfile.TemporaryDirectory(prefix="viper-checkpoint-") as scratch:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in DROPPED):
            name = path.relative_to(folder).as_posix()
            if path.suffix in PICKLES:
                tensors = Path(scratch) / f"{len(packed)}.safetensors"
                entries[f"{name}.json"] = _pack_file(path, tensors)
                entries[f"{name}.safetensors"] = tensors
                packed.append(name)
            else:
                entries[name] = path
        return store.commit(key, "checkpoint", entries, {"identity": dict(identity), "packed": packed})


def newest_checkpoint(store: ObjectStore, prefix: str) -> tuple[int, ArtifactRef] | None:
    """The newest whole checkpoint under ``prefix`` and the optimizer step it was saved after, or None.

    Every byte is verified. A damaged one is reported, and removed so that the training can save that step again.

    Raises:
        StoreUnavailable: If the store does not answer.
    """
    for key in reversed(list(store.list(prefix))):
        try:
            ref = store.find(key)
            damaged = store.damaged(ref) if ref is not None else ()
        except CorruptArtifact as error:
            ref, damaged = None, (str(error),)
        if ref is not None and not damaged:
            return checkpoint_step(key), ref
        if damaged:
            _log.warning("Checkpoint %s is damaged (%s): removing it, going on from an older one.", key, damaged[0])
            store.delete(key)
    return None


def restore_checkpoint(
    store: ObjectStore, ref: ArtifactRef, folder: Path, identity: Mapping[str, JsonValue], ignore: Collection[str] = ()
) -> Path:
    """Make ``folder`` the trainer's checkpoint again, ready for ``resume_from_checkpoint``.

    Args:
        store: Where it lies.
        ref: Which one.
        folder: Whatever lies there is replaced: a killed trainer may have left half a checkpoint.
        identity: As for ``save_checkpoint``, of the training that goes on.
        ignore: Fields of the identity that may differ.

    Raises:
        CheckpointMismatch: If the checkpoint belongs to another identity; the message names the fields that differ.
        CorruptArtifact: If its bytes are missing or damaged.
    """
    meta = store.manifest(ref).meta
    _check_identity(ref, meta.get("identity"), check_meta(identity), ignore)
    packed = meta.get("packed")
    if not isinstance(packed, list):
        raise StoreError(f"{ref.uri!r} is no checkpoint. Expected one, found {ref.kind!r}.")
    scratch = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        store.download(ref, scratch)
        for name in packed:
            _unpack_file(scratch / str(name))
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _check_identity(ref: ArtifactRef, saved: Any, wanted: dict[str, JsonValue], ignore: Collection[str]) -> None:
    if not isinstance(saved, dict):
        raise StoreError(f"{ref.uri!r} is no checkpoint. Expected one, found {ref.kind!r}.")
    fields = sorted((saved.keys() | wanted.keys()) - set(ignore))
    differing = [
        f"{field} is {saved.get(field)!r} in the checkpoint and {wanted.get(field)!r} now"
        for field in fields
        if saved.get(field) != wanted.get(field) or (field in saved) != (field in wanted)
    ]
    if differing:
        raise CheckpointMismatch(
            f"The checkpoint {ref.uri!r} was made by another training: {'; '.join(differing)}. "
            "Resume with the settings, data and code it was made with. If only the code differs, --allow-code-change "
            "goes on all the same; the model may then differ from what either version alone would make."
        )


def _pack_file(path: Path, tensors_path: Path) -> bytes:
    import pickle

    import torch
    from safetensors.torch import save_file

    try:
        with torch.serialization.safe_globals(_random_state_types()):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise StoreError(
            f"{path.name} holds more than tensors, numbers and text, so it is not stored: {error}"
        ) from error
    skeleton, tensors = pack_state(state)
    save_file(tensors, tensors_path)
    return canonical_json(skeleton)


def _unpack_file(path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    skeleton_path, tensors_path = path.with_name(f"{path.name}.json"), path.with_name(f"{path.name}.safetensors")
    torch.save(unpack_state(json.loads(skeleton_path.read_bytes()), load_file(tensors_path)), path)
    skeleton_path.unlink()
    tensors_path.unlink()


def _random_state_types() -> list[Any]:
    """What NumPy's random state is made of, beyond what ``torch.load`` accepts by itself."""
    import numpy
    from numpy._core import multiarray

    scalar_types = [numpy.uint32, numpy.uint64, numpy.int64, numpy.float64]
    dtypes = [type(numpy.dtype(scalar)) for scalar in scalar_types]
    return [multiarray._reconstruct, multiarray.scalar, numpy.ndarray, numpy.dtype, *dtypes]
