"""Reads the pictures of a shard and of other artifacts, and payloads."""

import io
from typing import TYPE_CHECKING, TypeVar

from models.payloads import Payload
from storage.datasets import Picture
from storage.objects import ObjectStore
from viper.records import ArtifactRef, Shard

if TYPE_CHECKING:
    from PIL.Image import Image

PNG = ".png"
Read = TypeVar("Read", bound=Payload)  # type: ignore[type-arg]


def read_payload(store: ObjectStore, ref: ArtifactRef, kind: type[Read]) -> Read:
    """The payload of an artifact.

    Raises:
        CorruptArtifact: Its bytes are missing or damaged.
    """
    return kind.parse(store.read(ref, kind.entry))


def read_pictures(store: ObjectStore, ref: ArtifactRef) -> "dict[str, Image]":
    """The PNG entries of an artifact as RGB pictures, by their name without ``.png``, sorted by it."""
    from PIL import Image

    names = sorted(name for name in store.manifest(ref).entries if name.endswith(PNG))
    return {name.removesuffix(PNG): Image.open(io.BytesIO(store.read(ref, name))).convert("RGB") for name in names}


def shard_images(store: ObjectStore, shard: Shard) -> "dict[str, Image]":
    """The shard's images by id, sorted by id."""
    return read_pictures(store, shard.pool)


def shard_size(store: ObjectStore, shard: Shard) -> int:
    """How many images a shard has."""
    return int(str(store.manifest(shard.pool).meta["images"]))


def stored_picture(ref: ArtifactRef, name: str) -> Picture:
    """Where a picture of an artifact lies."""
    return Picture(ref, f"{name}{PNG}")
