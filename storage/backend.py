"""What the store needs of a place to live in: whole objects by key.

Reading, listing and deleting are fsspec everywhere. Writing differs, because neither side of fsspec gives what the
store needs: a local write tears when the process is killed, and create-only is spelled differently.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from storage.store_errors import response_code, translate
from viper.errors import StoreError

PART_BYTES = 16 * 2**20
"""Bytes that other people's files are read in at once."""
TEMPORARY = "tmp"
"""Folder of what is being written."""


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
    def free_bytes(self) -> int | None:
        """Space left, or None where there is no such limit."""

    def leftovers(self) -> dict[str, "Stat"]:
        """What writers have begun and not finished, by key; living writers' work too. A bucket never has any."""
        return self.stats(TEMPORARY)

    def sweep(self, min_age_s: float) -> None:
        """Remove what killed writers left behind ``min_age_s`` seconds ago or earlier."""
        for key, stat in self.leftovers().items():
            if stat.age_s >= min_age_s:
                self.remove(key)

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
