"""The round's images: one at a time in memory, and what cannot be used is set aside with its reason."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import JsonValue

from flows import synthesis_inputs as inputs
from flows.cut import Cut
from flows.synthesis import take_shards
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.pool import check_pool, check_taken, list_pool, read_listing, rejections, take_images
from tasks.pools import find_source
from tasks.pools.files import FilePool
from tasks.step import In, Step
from tasks.worker import Worker
from tests.loop import cut_for, done, worker_for
from viper.errors import PoolError
from viper.records import ArtifactRef

SIDE = 400
"""Pixels of a picture's side: noise, so that its PNG has half a megabyte."""


def write_pool(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.bmp")
    return folder


def check(*changes: str) -> None:
    """Look at the pool as before work starts."""
    settings = cut_for(*changes).settings
    check_pool(settings.pool, settings.models.vlm, settings.models.editor)


def peak_bytes(folder: Path, count: int, store: ObjectStore) -> int:
    """The most memory that taking ``count`` images as one shard needs."""
    cut = cut_for(f"pool.uri={write_pool(folder, count)}", f"pool.images_per_round={count}")
    worker = worker_for(cut, store)
    files = read_listing(store, done(list_pool, inputs.listing(cut, 1), worker))
    (one,) = inputs.takes(cut, files, [])
    tracemalloc.start()
    try:
        ref = done(take_images, one, worker)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert store.manifest(ref).meta["images"] == count


def test_the_memory_that_a_shard_needs_is_flat_in_its_images(tmp_path: Path) -> None:
    store = ObjectStore(str(tmp_path / "store"))
    few, many = (peak_bytes(tmp_path / f"{count} images", count, store) for count in (10, 50))
    # Forty pictures more are 19 MB as PNG; what the store sends side by side is in both.
    assert many - few < 4_000_000, (few, many)


def test_a_file_that_is_gone_or_too_large_is_set_aside(tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool", 4)
    cut = cut_for(f"pool.uri={pool}", "pool.images_per_round=4", "pool.max_bytes=500_000")
    worker = worker_for(cut, ObjectStore(str(tmp_path / "store")))
    files = read_listing(worker.store, done(list_pool, inputs.listing(cut, 1), worker))
    (pool / "000.bmp").unlink()
    (pool / "001.bmp").write_bytes(b"x" * 500_001)
    again = done(list_pool, inputs.listing(cut, 1), worker)
    assert read_listing(worker.store, again) == files, "the listing is fixed when the round starts"
    taken = [done(take_images, one, worker) for one in inputs.takes(cut, files, [])]
    rejected = rejections([worker.store.manifest(taken[0]).meta])
    assert {Path(name).name: reason for name, reason in rejected.items()} == {
        "000.bmp": "changed since the round began",
        "001.bmp": "changed since the round began",
    }
    with pytest.raises(PoolError, match=r"2 of 4 images .* are unusable \(2 changed since the round began\)"):
        check_taken(worker.store, taken, str(pool), 0.2)
    (shard,) = check_taken(worker.store, taken, str(pool), 0.5)
    assert len(worker.store.manifest(shard.pool).entries) == 2


def take(worker: Worker, cut: Cut) -> tuple[ArtifactRef, dict[str, str]]:
    """The round's only shard, and what was set aside, by the names that its files have in their folder."""
    files = read_listing(worker.store, done(list_pool, inputs.listing(cut, 1), worker))
    (one,) = inputs.takes(cut, files, [])
    taken = done(take_images, one, worker)
    return taken, {Path(name).name: reason for name, reason in rejections([worker.store.manifest(taken).meta]).items()}


def test_whatever_lies_in_a_pool_is_set_aside_by_name_and_the_others_are_taken(tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool", 3)
    os.mkfifo(pool / "pipe.png")
    (pool / "loop.png").symlink_to(pool / "loop.png")
    (pool / "folder.png").symlink_to(tmp_path)
    Path(os.fsdecode(os.fsencode(pool) + b"/\xff.png")).touch()
    (pool / "empty.png").touch()
    (pool / "a::b.png").write_bytes((pool / "001.bmp").read_bytes())
    (pool / "new\nline.png").write_bytes(b"no image")
    for name, size in {"1x500": (1, 500), "1x20000": (1, 20_000), "2x2": (2, 2), "3x600": (3, 600)}.items():
        Image.new("RGB", size).save(pool / f"{name}.png")
    cut = cut_for(f"pool.uri={pool}", "pool.images_per_round=20")
    worker = worker_for(cut, ObjectStore(str(tmp_path / "store")))
    taken, rejected = take(worker, cut)
    assert rejected == {
        "pipe.png": "not a regular file",
        "loop.png": "not a regular file",
        "folder.png": "not a regular file",
        r"\xff.png": "name is not UTF-8",
        "empty.png": "not an image",
        "new\nline.png": "not an image",
        "1x500.png": "too narrow",
        "1x20000.png": "too narrow",
        "2x2.png": "too small",
    }
    assert worker.store.manifest(taken).meta["images"] == 4, "one is there twice, under a::b.png"
    with pytest.raises(
        PoolError, match=r"9 of 14 images .* \(.*3 not a regular file.*\), .* 0\.64\. Clean the pool"
    ) as no:
        check_taken(worker.store, [taken], str(pool), 0.64)
    assert "\n" not in str(no.value)
    (shard,) = check_taken(worker.store, [taken], str(pool), 0.65)
    assert shard.pool == taken
    with pytest.raises(PoolError, match="9 of 14 images"):
        check(f"pool.uri={pool}", "pool.max_rejected_share=0.64")
    check(f"pool.uri={pool}", "pool.max_rejected_share=0.65")


def test_one_bad_file_among_many_equal_pictures_is_one_of_all_files(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    pool.mkdir()
    for number in range(9):
        Image.new("RGB", (8, 8)).save(pool / f"{number}.png")
    (pool / "bad.png").touch()
    cut = cut_for(f"pool.uri={pool}", "pool.images_per_round=10")
    worker = worker_for(cut, ObjectStore(str(tmp_path / "store")))
    taken, _ = take(worker, cut)
    assert check_taken(worker.store, [taken], str(pool), 0.1)
    with pytest.raises(PoolError, match="1 of 10 images"):
        check_taken(worker.store, [taken], str(pool), 0.09)


@pytest.mark.parametrize("change", ["grows", "vanishes", "becomes a pipe"])
def test_a_file_that_changes_while_it_is_read_is_set_aside(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = write_pool(tmp_path / "pool", 2)
    file, read = pool / "000.bmp", FilePool.read

    def read_and_change(self: FilePool, name: str, max_bytes: int) -> bytes:
        if Path(name) == file and change == "becomes a pipe":
            file.unlink()
            os.mkfifo(file)
        data = read(self, name, max_bytes)
        if Path(name) == file:
            file.write_bytes(data * 2) if change == "grows" else file.unlink()
        return data

    monkeypatch.setattr(FilePool, "read", read_and_change)
    cut = cut_for(f"pool.uri={pool}", "pool.images_per_round=2")
    _, rejected = take(worker_for(cut, ObjectStore(str(tmp_path / "store"))), cut)
    changed = "not a regular file" if change == "becomes a pipe" else "changed since the round began"
    assert rejected == {"000.bmp": changed}


def test_a_pool_of_benchmark_pictures_alone_is_refused(tmp_path: Path) -> None:
    store = ObjectStore(str(tmp_path / "store"))
    rejected: JsonValue = {"a.png": "in benchmark counting", "b.png": "in benchmark counting"}
    ref = store.commit("results/pool/x", "pool", {"x": b""}, {"images": 0, LINEAGE: {"files": 2, "rejected": rejected}})
    with pytest.raises(PoolError, match=r"All 2 images of \./pool are in a benchmark"):
        check_taken(store, [ref], "./pool", 0.2)


def test_addresses_that_nobody_reads_and_worlds_without_a_pool_are_refused() -> None:
    for uri in ("./pool", "/a:b/pool", "pool", "s3://bucket/pool"):
        assert type(find_source(uri)).__name__ == "FilePool"
    with pytest.raises(PoolError, match=r"No pool lies at 'ftp://pool'\. Expected a folder, s3://bucket/prefix"):
        find_source("ftp://pool")
    with pytest.raises(PoolError, match="has no drawn pool 'photographs:'"):
        check("pool.uri='photographs:'")


def test_the_same_images_are_the_same_shard_whatever_was_set_aside_beside_them(tmp_path: Path) -> None:
    pool, store = write_pool(tmp_path / "pool", 2), ObjectStore(str(tmp_path / "store"))
    found = []
    for count in (2, 3):
        cut = cut_for(f"pool.uri={pool}", f"pool.images_per_round={count}", "pool.max_rejected_share=0.9")
        worker = worker_for(cut, store)
        files = read_listing(store, done(list_pool, inputs.listing(cut, 1), worker))
        (one,) = inputs.takes(cut, files, [])
        found.append(done(take_images, one, worker))
        (pool / "002.png").write_bytes(b"no picture")
    assert [len(rejections([store.manifest(ref).meta])) for ref in found] == [0, 1]
    assert found[0].uri != found[1].uri
    assert found[0].content_sha256 == found[1].content_sha256


class Direct:
    """A runner that works at once, without Prefect."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.store = worker, worker.store

    def submit(self, step: Step[In], inputs: In) -> "Done":
        return Done(done(step, inputs, self.worker))

    def forget(self, ref: ArtifactRef) -> None:
        self.store.delete(ref.uri)


class Done:
    """An artifact that is there at once."""

    def __init__(self, ref: ArtifactRef) -> None:
        self._ref = ref

    def result(self) -> ArtifactRef:
        return self._ref


def test_a_pool_that_was_refused_is_listed_anew_once_it_is_mended(tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool", 3)
    (pool / "000.bmp").write_bytes(b"broken")
    cut = cut_for(f"pool.uri={pool}", "benchmarks.suites=['counting']", "benchmarks.limit=2")
    runner = Direct(worker_for(cut, ObjectStore(str(tmp_path / "store"))))
    with pytest.raises(PoolError, match=r"1 of 3 images .* are unusable \(1 not an image\)"):
        take_shards(runner, cut, 1)  # type: ignore[arg-type]
    Image.new("RGB", (8, 8), "red").save(pool / "000.bmp")
    (shard,) = take_shards(runner, cut, 1)  # type: ignore[arg-type]
    assert runner.store.manifest(shard.pool).meta["images"] == 3
