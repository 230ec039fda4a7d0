"""Other people's files in a folder, in a bucket (``s3://``) or on the Hugging Face hub (``hf://``): found and read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from storage.backend import PART_BYTES
from storage.bucket import s3_filesystem
from storage.store_errors import translate
from viper.errors import StoreError


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
        ValueError: The path leads out of the folder, by itself or over a link.
        StoreError: If it cannot be read.
    """
    relative = PurePosixPath(path)
    uri = f"{root.rstrip('/')}/{relative}"
    outside = ValueError(f"the path {path[:200]!r} leads out of {root}; expected one of a file in it")
    if relative.is_absolute() or ".." in relative.parts:
        raise outside
    with _translated("read", uri):
        files, place = filesystem(uri)
        try:
            if files.info(place)["type"] != "file":
                return None
        except (FileNotFoundError, NotADirectoryError):
            return None
        local = "file" in files.protocol
        if not local or Path(place).resolve().is_relative_to(Path(filesystem(root)[1]).resolve()):
            with files.open(place, "rb", block_size=PART_BYTES) as file:
                data: bytes = file.read(max_bytes + 1)
                return data
    raise outside


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
