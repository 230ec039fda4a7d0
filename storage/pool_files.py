"""Files of a pool in a folder or bucket: found and read, one by one, whatever else lies there.

What cannot be read is set aside with one of the reasons that ``viper.pictures`` names. Only a place that does not
answer stops the work, which goes on later.
"""

import logging
import os
import stat
from collections.abc import Iterator

from storage.backend import PART_BYTES
from storage.files import file_version, filesystem, read_regular, stat_file
from storage.store_errors import translate
from viper import pictures
from viper.errors import PoolError, StoreUnavailable, UnusableImage
from viper.pictures import PoolFile

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_BUCKET = "s3://"

log = logging.getLogger("viper")


def list_pool(uri: str) -> list[PoolFile]:
    """All files under an address that are named like images, sorted by name.

    Hidden files and folders are left out, and links to folders are not followed. What is named like an image and is no
    file that can be read, and every folder that cannot be looked into, is there with the reason.

    Args:
        uri: A folder or ``s3://bucket/prefix``.

    Raises:
        PoolError: Nothing lies there.
        StoreError: It cannot be listed.
    """
    try:
        files = sorted(_in_bucket(uri) if uri.startswith(_BUCKET) else _in_folder(uri), key=lambda file: file.name)
    except Exception as error:
        raise translate(error, f"Cannot list the images in {uri}") or error from error
    if not files:
        raise PoolError(f"{_found_without_images(uri)}. Expected a folder with files ending in {', '.join(SUFFIXES)}.")
    return files


def _found_without_images(uri: str) -> str:
    path = os.path.expanduser(uri)
    if uri.startswith(_BUCKET) or os.path.isdir(path):
        return f"There are no images in {uri}"
    return f"The pool {uri} is a file" if os.path.exists(path) else f"There is no folder {uri} for the pool"


def version_of(name: str) -> str:
    """What changes when a file of a pool does; empty if it is gone.

    Raises:
        StoreError: It cannot be asked.
    """
    if name.startswith(_BUCKET):
        return stat_file(name)
    try:
        return _version(os.stat(name))
    except OSError:
        return ""


def read_pool_file(name: str, max_bytes: int) -> bytes:
    """Content of a file of a pool; of a file larger than ``max_bytes``, just enough to see that it is.

    Raises:
        UnusableImage: It is gone, or cannot be read.
        StoreUnavailable: The place does not answer now.
    """
    try:
        if name.startswith(_BUCKET):
            files, path = filesystem(name)
            with files.open(path, "rb", block_size=PART_BYTES) as file:
                data: bytes = file.read(max_bytes + 1)
            return data
        content = read_regular(name, max_bytes)
    except FileNotFoundError as error:
        raise UnusableImage(pictures.CHANGED) from error
    except Exception as error:
        translated = translate(error, f"Cannot read {name!r}")
        if isinstance(translated, StoreUnavailable):
            raise translated from error
        log.warning("%s", translated or f"Cannot read {name!r}: {error!r}")
        raise UnusableImage(pictures.UNREADABLE) from error
    if content is None:
        raise UnusableImage(pictures.NOT_REGULAR)
    return content


def _in_bucket(uri: str) -> Iterator[PoolFile]:
    files, root = filesystem(uri)
    for path, info in files.find(root, detail=True).items():
        if _is_named_like_an_image(path[len(root) :]) and info.get("type") != "directory":
            yield PoolFile(name=_BUCKET + path, version=file_version(info))


def _is_named_like_an_image(path: str) -> bool:
    return path.lower().endswith(SUFFIXES) and not any(part.startswith(".") for part in path.split("/"))


def _in_folder(uri: str) -> Iterator[PoolFile]:
    root = os.path.abspath(os.path.expanduser(uri))
    folders = [root] if os.path.isdir(root) else []
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                inside = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            if folder == root:
                raise
            yield _refused(folder, pictures.UNREADABLE)
            continue
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name.lower().endswith(SUFFIXES):
                yield _looked_at(entry.path)


def _looked_at(path: str) -> PoolFile:
    if _shown(path) != path:
        return _refused(path, pictures.BAD_NAME)
    try:
        found = os.stat(path)
    except PermissionError:
        return _refused(path, pictures.UNREADABLE)
    except OSError:
        # A link to nothing or to itself.
        return _refused(path, pictures.NOT_REGULAR)
    if not stat.S_ISREG(found.st_mode):
        return _refused(path, pictures.NOT_REGULAR)
    return PoolFile(name=path, version=_version(found))


def _refused(path: str, reason: str) -> PoolFile:
    return PoolFile(name=_shown(path), version="", refusal=reason)


def _shown(path: str) -> str:
    """A path as text that can be stored and printed: bytes that are no UTF-8 are written out as hex digits."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _version(found: os.stat_result) -> str:
    return file_version({"size": found.st_size, "mtime": found.st_mtime})
