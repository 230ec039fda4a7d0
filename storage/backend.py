"""What the store needs of a place to live in: whole objects by key.

Reading, listing and deleting are fsspec everywhere. Writing differs, because neither side of fsspec gives what the
store needs: a local write tears when the process is killed, and create-only is spelled differently.
"""

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from storage.store_errors import response_code, translate
from viper.errors import StoreError

PART_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Stat:
    """What is known of an object without reading it."""

    size_bytes: int
    age_s: float
    """Seconds since it was written, by the clocks of the store and of this machine."""


def _stat(info: Mapping[str, Any]) -> Stat:
    written = info["mtime"] if "mtime" in info else info["LastModified"].timestamp()
    return Stat(size_bytes=int(info["size"]), age_s=time.time() - float(written))


class Backend(ABC):
    """Whole objects by key. Every error that leaves it is a ``StoreError``."""

    read_options: ClassVar[Mapping[str, int]] = MappingProxyType({})

    def __init__(self, root: str, where: str) -> None:
        self.root = root
        self.where = where

    @property
    @abstractmethod
    def fs(self) -> Any:
        """The fsspec filesystem, made on first use."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Write ``data`` if nothing lies at ``key``. True if this call wrote it, False if something was there."""

    @abstractmethod
    def replace(self, key: str, data: bytes) -> None:
        """Write ``data`` whole or not at all, over whatever lies at ``key``."""

    @abstractmethod
    def upload(self, key: str, path: Path) -> None:
        """Write the file at ``path`` whole or not at all, in pieces."""

    @abstractmethod
    def pieces(self, key: str, size_bytes: int) -> Iterator[bytes]:
        """The bytes at ``key`` in order. ``size_bytes`` is how many there ought to be."""

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Space left, or None where there is no such limit."""

    @abstractmethod
    def leftovers(self) -> dict[str, Stat]:
        """What writers have begun and not finished, by a name for ``remove_leftover``; living writers' work too."""

    @abstractmethod
    def remove_leftover(self, name: str) -> None:
        """Remove one of ``leftovers``; no error if it is gone."""

    def sweep(self, min_age_s: float) -> None:
        """Remove what killed writers left behind ``min_age_s`` seconds ago or earlier."""
        for name, stat in self.leftovers().items():
            if stat.age_s >= min_age_s:
                self.remove_leftover(name)

    def path(self, key: str) -> str:
        """Full path of ``key`` as the filesystem wants it."""
        return f"{self.root}/{key}"

    def read(self, key: str) -> bytes | None:
        """All bytes at ``key``, or None if nothing is there."""
        with self.translated("read", key):
            try:
                data: bytes = self.fs.cat_file(self.path(key), **self.read_options)
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)
                return None
            return data

    def stat(self, key: str) -> "Stat | None":
        """Size and age of the object at ``key``, or None if nothing is there."""
        with self.translated("inspect", key):
            try:
                return _stat(self.fs.info(self.path(key)))
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)
                return None

    def digest(self, key: str) -> str | None:
        """SHA-256 of the object at ``key``, read in pieces, or None if nothing is there."""
        if (stat := self.stat(key)) is None:
            return None
        hasher = hashlib.sha256()
        with self.translated("read", key):
            try:
                for piece in self.pieces(key, stat.size_bytes):
                    hasher.update(piece)
            except FileNotFoundError:
                return None
        return hasher.hexdigest()

    def download(self, key: str, path: Path, size_bytes: int) -> str | None:
        """Copy the object at ``key`` to the local ``path`` in pieces.

        Args:
            key: Which object.
            path: A new file.
            size_bytes: How long the object ought to be.

        Returns:
            SHA-256 of what was copied, or None if nothing is at ``key``.
        """
        hasher = hashlib.sha256()
        with self.translated("read", key), path.open("xb") as target:
            try:
                for piece in self.pieces(key, size_bytes):
                    hasher.update(piece)
                    target.write(piece)
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)
                return None
        return hasher.hexdigest()

    def keys(self, prefix: str) -> list[str]:
        """Keys of all objects under the folder ``prefix``, in no order; folder placeholders are left out."""
        return list(self.stats(prefix))

    def stats(self, prefix: str) -> dict[str, "Stat"]:
        """Size and age of all objects under the folder ``prefix``, by key; folder placeholders are left out."""
        with self.translated("list", prefix):
            try:
                found = self.fs.find(self.path(prefix), detail=True)
            except FileNotFoundError:
                return {}
        inside, start = self.path(prefix) + "/", len(self.root) + 1
        wanted = {path: info for path, info in found.items() if path.startswith(inside) and not path.endswith("/")}
        return {path[start:]: _stat(info) for path, info in wanted.items()}

    def remove(self, key: str) -> None:
        """Remove the object at ``key``; nothing there is no error."""
        with self.translated("remove", key):
            try:
                self.fs.rm_file(self.path(key))
            except FileNotFoundError:
                return

    @contextmanager
    def translated(self, action: str, key: str) -> Iterator[None]:
        """Turn whatever the backend's libraries raise into a ``StoreError`` that names place, key and remedy."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            translated = translate(error, f"Cannot {action} {key!r} in {self.where}")
            if translated is None:
                raise
            raise translated from error


def _refuse_missing_bucket(error: FileNotFoundError) -> None:
    if response_code(error) == "NoSuchBucket":
        raise error
