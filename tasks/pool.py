"""The round's images: which they are is fixed once, then they are taken shard by shard, decoded within bounds.

A listing with the version of every file is fixed as an artifact when the round starts, so that every resume means the
same images. A file that changed since then is set aside. One image at a time is in memory.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from models.contamination import KnownPictures, hash_picture
from models.payloads import Payload
from storage import images
from storage.layout import listing_key
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.contamination import read_known
from tasks.pools import find_source
from tasks.pools.source import PoolChoice, PoolFile, PoolSource
from tasks.shards import PNG, read_payload
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import PoolError
from viper.records import ArtifactRef, Occasion, Shard
from viper.settings import PoolSettings

LOOKED_AT = 64
"""Files that are looked at before work starts."""
CHANGED = "changed since the round began"
"""The reason for a file that is no longer as it was listed, beside the reasons of ``storage.images.inspect_image``."""
IN_BENCHMARK = "in benchmark"
"""Beginning of the reason for an image that a suite holds; the suite's name follows."""


class Listing(Payload[tuple[PoolFile, ...]]):
    """The files of a round, in the order in which they are cut into shards."""

    entry = "listing.json"


class ListingInputs(Inputs):
    """Which images a round takes. What lies in the pool when it starts decides the rest."""

    choice: PoolChoice
    occasion: Occasion

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "list the pool"


class TakeInputs(Inputs):
    """What decides the images of one shard."""

    uri: str
    files: tuple[PoolFile, ...]
    number: int
    """Of the shard, from 0."""
    max_pixels: int
    max_bytes: int
    hash_side: int
    near_benchmark_bits: int
    hashes: tuple[ArtifactRef, ...]
    """Of the suites' pictures, which are left out."""

    def identity(self) -> object:
        """Everything but the number and the pool's address: the files have addresses of their own."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in ("number", "uri")}

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"take shard {self.number} from the pool"


def _listing_place(inputs: ListingInputs, key: str) -> str:
    return listing_key(inputs.occasion.evolution, inputs.occasion.round_number, key[:16])


@step("listing", 1, place=_listing_place)
def list_pool(inputs: ListingInputs, worker: Worker) -> Made:
    """Payload ``Listing``: which files the round takes, fixed from now on.

    Raises:
        PoolError: The pool is empty.
    """
    files = find_source(inputs.choice.uri).choose(inputs.choice)
    return Made(Listing(tuple(files)).encoded(), {"files": len(files)})


@step("pool", 4)
def take_images(inputs: TakeInputs, worker: Worker) -> Made:
    """``<image id>.png`` for each usable image; the id is 16 hex digits of the PNG's hash.

    Facts: number of images; in the lineage what was set aside and why, by file name.
    """
    source, known = find_source(inputs.uri), read_known(worker.store, inputs.hashes, inputs.near_benchmark_bits)
    kept, rejected = {}, dict[str, str]()
    for file in inputs.files:
        found = _take(inputs, source, known, file)
        if isinstance(found, str):
            rejected[file.name] = found
            continue
        name = f"{hashlib.sha256(found).hexdigest()[:16]}{PNG}"
        kept[name] = worker.folder / name
        kept[name].write_bytes(found)
    # What was set aside is no content: the same images are the same shard, whatever lay beside them.
    facts: dict[str, JsonValue] = {"images": len(kept), LINEAGE: {"rejected": dict(rejected)}}
    return Made(kept, facts)


def _take(inputs: TakeInputs, source: PoolSource, known: KnownPictures, file: PoolFile) -> bytes | str:
    """The PNG bytes of a pool file, or why it is set aside."""
    if source.version(file.name) != file.version:
        return CHANGED
    data = source.read(file.name, inputs.max_bytes)
    if reason := images.inspect_image(data, inputs.max_pixels, inputs.max_bytes):
        return reason
    picture = images.read_image(data, inputs.max_pixels, inputs.max_bytes)
    if suite := known.suite_of(hash_picture(picture, inputs.hash_side)):
        return f"{IN_BENCHMARK} {suite}"
    return images.encode_png(picture)


def check_pool(pool: PoolSettings) -> None:
    """Make sure that there is something to take, before any work starts: looks at the first few files.

    Raises:
        PoolError: The pool is missing, unreadable or empty, or too many of the files are unusable.
    """
    source = find_source(pool.uri)
    names = source.sample(pool.uri, LOOKED_AT)
    rejected = {}
    for name in names:
        data = source.read(name, pool.max_bytes)
        if reason := images.inspect_image(data, pool.max_pixels, pool.max_bytes):
            rejected[name] = reason
    _accept(pool.uri, pool.max_rejected_share, len(names), rejected)


def check_taken(
    store: ObjectStore, taken: Sequence[ArtifactRef], uri: str, max_rejected_share: float
) -> tuple[Shard, ...]:
    """The shards that hold images.

    Raises:
        PoolError: Too many files were unusable, or all images are benchmark pictures.
    """
    facts = [store.manifest(ref).meta for ref in taken]
    rejected = rejections(facts)
    counts = [int(str(one["images"])) for one in facts]
    unusable = {name: reason for name, reason in rejected.items() if not reason.startswith(IN_BENCHMARK)}
    _accept(uri, max_rejected_share, sum(counts) + len(rejected), unusable)
    if not sum(counts):
        raise PoolError(
            f"All {len(rejected)} images of {uri} are in a benchmark: training on them would prove nothing. Choose "
            "another pool, or lower pool.near_benchmark_bits if they only look alike."
        )
    holding = [ref for ref, count in zip(taken, counts, strict=True) if count]
    return tuple(Shard(pool=ref, number=number) for number, ref in enumerate(holding))


def rejections(facts: Sequence[Mapping[str, JsonValue]]) -> dict[str, str]:
    """Why files were set aside, by name, from the facts of a round's shards."""
    found: dict[str, str] = {}
    for one in facts:
        lineage = one[LINEAGE]
        rejected = lineage.get("rejected") if isinstance(lineage, dict) else None
        if isinstance(rejected, dict):
            found |= {name: str(reason) for name, reason in rejected.items()}
    return found


def read_listing(store: ObjectStore, ref: ArtifactRef) -> tuple[PoolFile, ...]:
    """The files of a round."""
    return read_payload(store, ref, Listing).root


def _accept(uri: str, max_rejected_share: float, count: int, rejected: Mapping[str, str]) -> None:
    if rejected and (len(rejected) == count or len(rejected) > max_rejected_share * count):
        reasons = ", ".join(f"{number} {reason}" for reason, number in Counter(rejected.values()).items())
        raise PoolError(
            f"{len(rejected)} of {count} images of {uri} are unusable ({reasons}), such as {min(rejected)}; the "
            f"profile accepts a share of {max_rejected_share}. Clean the pool or raise pool.max_rejected_share."
        )
