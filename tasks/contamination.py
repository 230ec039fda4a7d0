"""Keeps benchmark pictures out of the pool: hashes of every suite's pictures, and what of the pool is among them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from prefect import State
from pydantic import JsonValue

from models.contamination import find_known, hash_picture
from storage.images import inspect_image, read_image
from storage.suite_shards import ShardImages, read_questions
from tasks.step import Entries, log, once, open_store, read_json, step_task, to_json
from tasks.suites import shard_count
from viper.records import ArtifactRef
from viper.settings import PoolSettings, Settings

IN_BENCHMARK = "in benchmark"
"""The reason with which the pool's facts name such an image."""


@step_task(name="hash pictures of suite", task_run_name="hash pictures of {suite}")
def hash_suite(settings: Settings, suite: str, suite_file: ArtifactRef) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``hashes``: ``hashes.json``, the distinct pictures of a suite; facts: the suite.

    Pictures that the pool would not accept are left out: nothing in the pool can equal them.
    """
    pool = settings.pool

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        pictures = (data for shard in range(shard_count(suite_file)) for data in _pictures(suite_file, shard))
        found = sorted({_hash(data, pool) for data in pictures if _usable(data, pool)})
        return {"hashes.json": to_json(found)}, {"suite": suite, "pictures": len(found)}

    inputs = {"suite": suite_file, **pool.model_dump(include={"hash_side", "max_pixels", "max_bytes"})}
    return once("hashes", 1, inputs, compute)


def split_known(
    kept: Mapping[str, bytes], pool: PoolSettings, hashes: Sequence[ArtifactRef]
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Pool images that no suite holds, and the others with the reason ``IN_BENCHMARK``.

    Args:
        kept: PNG bytes by image id.
        pool: How near counts as the same.
        hashes: Artifacts of ``hash_suite``.
    """
    store = open_store()
    suites = {
        str(store.manifest(ref).meta["suite"]): [(pixels, near) for pixels, near in read_json(ref, "hashes.json")]
        for ref in hashes
    }
    known = find_known({name: _hash(data, pool) for name, data in kept.items()}, suites, pool.near_benchmark_bits)
    if known:
        listed = ", ".join(f"{count} in {suite}" for suite, count in Counter(known.values()).items())
        log.warning("%d of %d pool images are benchmark pictures and left out: %s", len(known), len(kept), listed)
    free = {name: data for name, data in kept.items() if name not in known}
    return free, dict.fromkeys(sorted(known), IN_BENCHMARK)


def _pictures(suite_file: ArtifactRef, shard: int) -> Iterator[bytes]:
    """The distinct images of a shard."""
    store = open_store()
    images = ShardImages(store, suite_file, shard)
    names = dict.fromkeys(name for row in read_questions(store, suite_file, shard) for name in row["images"])
    return map(images.read, names)


def _usable(data: bytes, pool: PoolSettings) -> bool:
    return inspect_image(data, pool.max_pixels, pool.max_bytes) is None


def _hash(data: bytes, pool: PoolSettings) -> tuple[str, str]:
    return hash_picture(read_image(data, pool.max_pixels, pool.max_bytes), pool.hash_side)
