"""The files of a store in a folder, and how tests damage them."""

from pathlib import Path

from storage.objects import ObjectStore


def blob_path(store: ObjectStore, sha256: str) -> Path:
    return Path(store.root) / "objects" / "sha256" / sha256[:2] / sha256


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
