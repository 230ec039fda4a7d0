"""Other people's files in a folder, in a bucket (``s3://``) or on the Hugging Face hub (``hf://``): found and read."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any

from storage.backend import PART_BYTES
from storage.bucket import s3_filesystem
from storage.store_errors import translate
from viper.errors import StoreError

_NO_SUCH_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO)
"""What a system says of a path under which nothing can be read: no file, no name, a link to itself, a socket."""
_MAX_KEY_BYTES = 1024
"""Longest key of S3."""


def filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem of an address, and the path in it."""
    if uri.startswith("s3://"):
        return s3_filesystem(), uri.removeprefix("s3://").rstrip("/")
    from fsspec.core import url_to_fs

    found, path = url_to_fs(uri)
    return found, path


def list_files(uri: str) -> dict[str, str]:
    """What lies under an address, sorted: path under it → what changes when the file does. Hidden files are left out.

    Args:
        uri: A folder, ``s3://bucket/prefix`` or ``hf://datasets/owner/name``. One that is not there holds nothing.

    Raises:
        StoreError: If it cannot be listed.
    """
    with _translated("list", uri):
        files, root = filesystem(uri)
        try:
            found = files.find(root, detail=True)
        except FileNotFoundError:
            return {}
    inside = {path[len(root) :].lstrip("/"): info for path, info in found.items()}
    return {
        path: file_version(inside[path])
        for path in sorted(inside)
        if path and not any(part.startswith(".") for part in path.split("/"))
    }


@contextmanager
def open_file(uri: str) -> Iterator[IO[bytes]]:
    """The file at an address, read in pieces.

    Raises:
        StoreError: If it cannot be read.
    """
    with _translated("read", uri):
        files, path = filesystem(uri)
        with files.open(path, "rb", block_size=PART_BYTES) as file:
            yield file


def read_under(root: str, path: str, max_bytes: int) -> bytes | None:
    """The file at a path under an address, whoever wrote the path; ``None`` if there is no such file.

    Args:
        root: A folder or ``s3://bucket/prefix``.
        path: Relative to it.
        max_bytes: Of a larger file just enough is read to see that it is.

    Raises:
        ValueError: The path leads out of the folder, by itself or over a link, or names what is hidden.
        StoreError: If it cannot be read.
    """
    relative = PurePosixPath(path)
    if relative.is_absolute() or any(part.startswith(".") for part in relative.parts):
        raise ValueError(f"the path {path[:200]!r} is hidden or leads out of {root}; expected one of a file in it")
    with _translated("read", f"{root}/{path[:200]}"):
        files, folder = filesystem(root)
        place = f"{folder}/{relative}"
        if "file" not in files.protocol:
            return _read_object(files, place, max_bytes)
        if not os.path.realpath(place).startswith(os.path.realpath(folder) + os.sep):
            raise ValueError(f"the link {path[:200]!r} leads out of {root}; expected a file in it")
        try:
            return read_regular(place, max_bytes)
        except OSError as error:
            if error.errno in _NO_SUCH_FILE:
                return None
            raise


def read_regular(path: str, max_bytes: int) -> bytes | None:
    """The first ``max_bytes`` and one more of a file of this machine; ``None`` if it is no regular file.

    Raises:
        OSError: It is not there, or cannot be read.
    """
    # A pipe that took the file's place would wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes + 1)
    finally:
        os.close(descriptor)


def _read_object(files: Any, place: str, max_bytes: int) -> bytes | None:
    if len(place.encode()) > _MAX_KEY_BYTES:
        return None
    try:
        if files.info(place)["type"] != "file":
            return None
        with files.open(place, "rb", block_size=PART_BYTES) as file:
            data: bytes = file.read(max_bytes + 1)
            return data
    except FileNotFoundError:
        return None


def stat_file(uri: str) -> str:
    """What changes when the file at an address does; empty if it is gone.

    Raises:
        StoreError: If it cannot be asked.
    """
    with _translated("look at", uri):
        files, path = filesystem(uri)
        try:
            return file_version(files.info(path))
        except FileNotFoundError:
            return ""


def file_version(info: dict[str, Any]) -> str:
    """What changes when a file does, from what its filesystem says of it: size, and ETag, blob or time of change."""
    marks = [info.get(name) for name in ("size", "ETag", "blob_id", "mtime")]
    return " ".join(str(mark) for mark in marks if mark is not None)


@contextmanager
def _translated(action: str, uri: str) -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise translate(error, f"Cannot {action} {uri}") or error from error
