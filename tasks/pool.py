"""Takes the round's images from the pool: decoded within bounds, converted to plain RGB, split into shards."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from prefect import State
from pydantic import JsonValue

from storage import images
from tasks.contamination import split_known
from tasks.step import Entries, once, seed_of, step_task
from viper.errors import PoolError
from viper.records import ArtifactRef, Shard
from viper.settings import PoolSettings, Settings

RENDERED = "shapes:"
LOOKED_AT = 64
"""Files that are looked at before work starts."""


def check_pool(pool: PoolSettings) -> None:
    """Make sure that there is something to take, before any work starts: looks at the first few files.

    Raises:
        PoolError: The folder is missing, unreadable or holds no image file, or too many of the files are unusable.
    """
    if pool.uri != RENDERED:
        names = list(images.list_images(pool.uri))[:LOOKED_AT]
        rejected = {name: reason for name in names if (reason := _inspect(name, pool)[1])}
        _accept(pool, len(names), rejected)


def _inspect(name: str, pool: PoolSettings) -> tuple[bytes, str | None]:
    """A file's bytes, and why it cannot be used or ``None``."""
    try:
        data = images.read_bytes(name, pool.max_bytes)
    except PoolError:
        return b"", "too_large"
    return data, images.inspect_image(data, pool.max_pixels, pool.max_bytes)


def _accept(pool: PoolSettings, count: int, rejected: dict[str, str]) -> None:
    if rejected and (len(rejected) == count or len(rejected) > pool.max_rejected_share * count):
        reasons = ", ".join(f"{number} {reason}" for reason, number in Counter(rejected.values()).items())
        raise PoolError(
            f"{len(rejected)} of {count} images of {pool.uri} are unusable ({reasons}), such as {min(rejected)}; the "
            f"profile accepts a share of {pool.max_rejected_share}. Clean the pool or raise pool.max_rejected_share."
        )


def choose(names: list[str], settings: Settings, round_number: int) -> list[str]:
    """This round's files: the next slice of one seeded permutation, which starts again when it is used up.

    Raises:
        PoolError: The pool is empty.
    """
    if not names:
        raise PoolError(f"The pool {settings.pool.uri} is empty.")
    count = min(settings.pool.images_per_round, len(names))
    order = np.random.default_rng(seed_of(settings, 0, "pool")).permutation(len(names))
    first = (round_number - 1) * count
    return [names[order[(first + i) % len(names)]] for i in range(count)]


def take_files(pool: PoolSettings, names: Sequence[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Usable images by id (16 hex digits of the PNG's hash) and rejected files with their reason.

    Args:
        pool: Bounds of a file.
        names: Addresses of the round's files.

    Raises:
        PoolError: More files were unusable than the profile accepts.
    """
    kept: dict[str, bytes] = {}
    rejected: dict[str, str] = {}
    for name in names:
        data, reason = _inspect(name, pool)
        if reason:
            rejected[name] = reason
            continue
        png = images.encode_png(images.read_image(data, pool.max_pixels, pool.max_bytes))
        kept[hashlib.sha256(png).hexdigest()[:16]] = png
    _accept(pool, len(names), rejected)
    return kept, rejected


@step_task(name="take images from the pool")
def take_images(
    settings: Settings, round_number: int, hashes: Sequence[ArtifactRef]
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``pool``: ``<shard>/<image id>.png``; facts: number of images and shards, what was rejected and why.

    Args:
        settings: Of the evolution.
        round_number: Counts from 1.
        hashes: Of the suites' pictures, which are left out (``tasks.contamination``).

    Raises:
        PoolError: Too many files are unusable, or all images are benchmark pictures.
    """
    # A file that is replaced under its name is another one: what was taken before is not taken for it.
    listing = {} if settings.pool.uri == RENDERED else images.list_images(settings.pool.uri)
    files = {name: listing[name] for name in choose(list(listing), settings, round_number)} if listing else {}

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        rejected: dict[str, str] = {}
        if settings.pool.uri == RENDERED:
            from models.worlds.shapes.pool import draw_pictures

            drawn = draw_pictures(seed_of(settings, round_number, "pool"), settings.pool.images_per_round)
            kept = {hashlib.sha256(png).hexdigest()[:16]: png for png in drawn}
        else:
            kept, rejected = take_files(settings.pool, list(files))
        kept, known = split_known(kept, settings.pool, hashes)
        if not kept:
            raise PoolError(
                f"All {len(known)} images of {settings.pool.uri} are in a benchmark: training on them would prove "
                "nothing. Choose another pool, or lower pool.near_benchmark_bits if they only look alike."
            )
        size = settings.synthesis.shard_images
        entries = {f"{i // size:04d}/{name}.png": kept[name] for i, name in enumerate(sorted(kept))}
        shards = (len(kept) + size - 1) // size
        return entries, {"shards": shards, "images": len(kept), "rejected": {**rejected, **known}}

    inputs = {
        "pool": settings.pool,
        "seed": seed_of(settings, round_number, "pool"),
        "order": seed_of(settings, 0, "pool"),
        "round": round_number,
        "shard_images": settings.synthesis.shard_images,
        "hashes": list(hashes),
        "files": files,
    }
    return once("pool", 3, inputs, compute)


def shards_of(pool: ArtifactRef) -> list[Shard]:
    """The shards of a pool artifact, in order."""
    from tasks.step import open_store

    count = open_store().manifest(pool).meta["shards"]
    assert isinstance(count, int)
    return [Shard(pool=pool, number=number) for number in range(count)]
