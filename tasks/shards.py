"""Reads a shard's pictures: as PIL images by id, in a fixed order."""

import io
from typing import TYPE_CHECKING

from storage.datasets import Picture
from tasks.step import open_store
from viper.records import ArtifactRef, Shard

if TYPE_CHECKING:
    from PIL.Image import Image


def read_pictures(ref: ArtifactRef, prefix: str) -> "dict[str, Image]":
    """Pictures under a prefix of an artifact, by the rest of their name without ``.png``, sorted."""
    from PIL import Image

    store = open_store()
    names = sorted(name for name in store.manifest(ref).entries if name.startswith(prefix) and name.endswith(".png"))
    return {
        name.removeprefix(prefix).removesuffix(".png"): Image.open(io.BytesIO(store.read(ref, name))).convert("RGB")
        for name in names
    }


def shard_images(shard: Shard) -> "dict[str, Image]":
    """The shard's images by id, sorted by id."""
    return read_pictures(shard.pool, f"{shard.number:04d}/")


def pool_picture(shard: Shard, image: str) -> Picture:
    """Where one of the shard's images lies."""
    return Picture(shard.pool, f"{shard.number:04d}/{image}.png")


def png_bytes(image: "Image") -> bytes:
    """PNG bytes of a picture."""
    from storage.images import encode_png

    return encode_png(image)
