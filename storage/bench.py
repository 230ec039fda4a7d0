"""How fast the store is beside a plain copy with s3fs and beside this machine's disk, measured in one run."""

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from storage.blobs import open_backend
from storage.objects import ObjectStore
from viper.errors import StoreError
from viper.progress import tell

Way = tuple[Callable[[list[Path], str], object], Callable[[str, Path], object]]
"""Put files under a prefix; get what lies under the prefix into a new folder."""


def measure(root: str, count: int, size_bytes: int, turns: int) -> dict[str, tuple[float, float]]:
    """Seconds to put, and to get back, ``count`` files of ``size_bytes`` random bytes, by way: medians over the turns.

    ``store`` commits them as one artifact and downloads it, verified. ``s3fs loop`` and ``s3fs recursive`` (for a
    bucket), and ``disk``, which copies one after another to this machine's disk and waits until they are on it, check
    nothing. Each turn begins with another way. All that is written is removed again.
    """
    folder = f"bench-{uuid.uuid4().hex}"
    ways: dict[str, Way] = {"store": _store_way(root)}
    if root.startswith("s3://"):
        ways |= {"s3fs loop": _loop_way(root), "s3fs recursive": _recursive_way(root)}
    with TemporaryDirectory(prefix="viper-bench-") as local, _removed_after(root, folder):
        ways["disk"] = _disk_way(Path(local) / "disk")
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for turn in range(turns):
            for name in (*list(ways)[turn % len(ways) :], *list(ways)[: turn % len(ways)]):
                place = f"{folder}/{turn}-{name.replace(' ', '-')}"
                spent[name].append(_time(ways[name], place, Path(local), count, size_bytes))
                tell(sum(map(len, spent.values())), turns * len(ways))
    return {name: (median(put for put, _ in both), median(get for _, get in both)) for name, both in spent.items()}


def _time(way: Way, place: str, local: Path, count: int, size_bytes: int) -> tuple[float, float]:
    put, get = way
    files = _random_files(local / "files", count, size_bytes)
    began = time.monotonic()
    put(files, place)
    between = time.monotonic()
    get(place, local / "back")
    ended = time.monotonic()
    found = sum(path.stat().st_size for path in (local / "back").rglob("*") if path.is_file())
    if found != count * size_bytes:
        raise StoreError(f"{found} bytes came back from {place!r}, of {count * size_bytes}. This store loses data.")
    for made in ("files", "back"):
        shutil.rmtree(local / made)
    return between - began, ended - between


def _store_way(root: str) -> Way:
    def put(files: list[Path], prefix: str) -> None:
        ObjectStore(f"{root}/{prefix}").commit("bench", "bench", {path.name: path for path in files})

    def get(prefix: str, folder: Path) -> None:
        store = ObjectStore(f"{root}/{prefix}")
        ref = store.find("bench")
        if ref is None:
            raise StoreError(f"Nothing lies in {root}/{prefix} after it was stored there. This store loses data.")
        store.download(ref, folder)

    return put, get


def _loop_way(root: str) -> Way:
    fs, base = _s3fs(root)

    def put(files: list[Path], prefix: str) -> None:
        for path in files:
            fs.put_file(str(path), f"{base}/{prefix}/{path.name}")

    def get(prefix: str, folder: Path) -> None:
        folder.mkdir()
        for path in fs.find(f"{base}/{prefix}"):
            fs.get_file(path, str(folder / path.rpartition("/")[2]))

    return put, get


def _recursive_way(root: str) -> Way:
    fs, base = _s3fs(root)

    def put(files: list[Path], prefix: str) -> None:
        fs.put(f"{files[0].parent}/", f"{base}/{prefix}/", recursive=True)

    def get(prefix: str, folder: Path) -> None:
        fs.get(f"{base}/{prefix}/", f"{folder}/", recursive=True)

    return put, get


def _disk_way(root: Path) -> Way:
    def copy(paths: list[Path], folder: Path, *, durably: bool) -> None:
        folder.mkdir(parents=True)
        for path in paths:
            with path.open("rb") as source, (folder / path.name).open("wb") as target:
                shutil.copyfileobj(source, target, 4 * 2**20)
                if durably:
                    target.flush()
                    os.fsync(target.fileno())

    def get(prefix: str, folder: Path) -> None:
        copy(sorted((root / prefix).iterdir()), folder, durably=False)

    return lambda files, prefix: copy(files, root / prefix, durably=True), get


def _s3fs(root: str) -> tuple[Any, str]:
    """A plain filesystem, as anybody would make it."""
    from s3fs import S3FileSystem

    return S3FileSystem(use_listings_cache=False), root.removeprefix("s3://").strip("/")


def _random_files(folder: Path, count: int, size_bytes: int) -> list[Path]:
    folder.mkdir()
    files = [folder / f"{number:06d}.bin" for number in range(count)]
    for path in files:
        path.write_bytes(os.urandom(size_bytes))
    return files


@contextmanager
def _removed_after(root: str, folder: str) -> Iterator[None]:
    backend = open_backend(root)
    try:
        yield
    finally:
        with backend.translated("remove", folder):
            if backend.fs.exists(backend.path(folder)):
                backend.fs.rm(backend.path(folder), recursive=True)
