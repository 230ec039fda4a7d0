"""A store in a local folder: nothing is ever torn, whenever the writer is killed."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typing_extensions import override

from storage.backend import TEMPORARY, Backend

STALE_TEMP_S = 24 * 3600.0


class Folder(Backend):
    """A store in a local folder. A key appears whole, by ``link`` or ``rename`` of a file already on disk."""

    def __init__(self, root: str) -> None:
        folder = os.path.abspath(os.path.expanduser(root))
        super().__init__(folder, f"the folder {folder}")

    @property
    @override
    def fs(self) -> Any:
        from fsspec.implementations.local import LocalFileSystem

        return LocalFileSystem(use_listings_cache=False)

    @override
    def create(self, key: str, data: bytes) -> bool:
        target = Path(self.path(key))
        with self.translated("write", key), self._temporary() as temporary:
            _write_durably(temporary, data)
            make_folder_durably(target.parent)
            try:
                os.link(temporary, target)
                created = True
            except FileExistsError:
                created = False
            _sync_folder(target.parent)
            return created

    @override
    def replace(self, key: str, data: bytes) -> None:
        with self.translated("write", key), self._temporary() as temporary:
            _write_durably(temporary, data)
            self._move(temporary, Path(self.path(key)))

    @override
    def free_bytes(self) -> int | None:
        with self.translated("measure free space of", ""):
            Path(self.root).mkdir(parents=True, exist_ok=True)
            return shutil.disk_usage(self.root).free

    def _move(self, temporary: Path, target: Path) -> None:
        make_folder_durably(target.parent)
        os.replace(temporary, target)
        _sync_folder(target.parent)

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        folder = Path(self.root) / TEMPORARY
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / uuid.uuid4().hex
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def sweep_stale(folder: Path, pattern: str) -> None:
    """Remove files and folders in ``folder`` that match ``pattern`` and were last touched more than a day ago."""
    for leftover in folder.glob(pattern):
        try:
            if time.time() - leftover.stat().st_mtime < STALE_TEMP_S:
                continue
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        except FileNotFoundError:
            continue


def write_whole(path: Path, data: bytes) -> None:
    """Write a local file, for other processes whole or not at all, over whatever lies there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def make_folder_durably(folder: Path) -> None:
    """Make ``folder`` with its parents, each of them recorded on disk before anything is put inside."""
    if folder.is_dir():
        return
    make_folder_durably(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network filesystems cannot sync a folder; they order the rename themselves.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
