"""The round's images: one at a time in memory, and what cannot be used is set aside with its reason."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import JsonValue

from flows import synthesis_inputs as inputs
from flows.synthesis import take_shards
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.pool import check_pool, check_taken, list_pool, read_listing, rejections, take_images
from tasks.pools import find_source
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
    check_pool(settings.pool, settings.models.editor)


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
