"""The round's images: which they are is fixed once, then they are taken shard by shard, decoded within bounds.

A listing with the version of every file is fixed as an artifact when the round starts, so that every resume means the
same images. A file that changed since then is set aside. One image at a time is in memory.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from models.contamination import KnownPictures, hash_picture
from models.image_limits import pool_limits
from models.payloads import Payload
from storage import images
from storage.layout import listing_key
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.contamination import read_known
from tasks.pools import find_source
from tasks.pools.source import PoolChoice, PoolSource
from tasks.shards import PNG, read_payload
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import PoolError, UnusableImage
from viper.pictures import CHANGED, ImageLimits, PoolFile
from viper.records import ArtifactRef, Occasion, Shard
from viper.settings import ModelSettings, PoolSettings

if TYPE_CHECKING:
    from PIL.Image import Image

LOOKED_AT = 64
"""Files that are looked at before work starts."""
IN_BENCHMARK = "in benchmark"
"""Beginning of the reason for an image that a suite holds, beside the reasons of ``viper.pictures``; the suite's name
follows."""


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
    limits: ImageLimits
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


@step("listing", 2, place=_listing_place)
def list_pool(inputs: ListingInputs, worker: Worker) -> Made:
    """Payload ``Listing``: which files the round takes, fixed from now on.

    Raises:
        PoolError: The pool is empty.
    """
    files = find_source(inputs.choice.uri).choose(inputs.choice)
    return Made(Listing(tuple(files)).encoded(), {"files": len(files)})


@step("pool", 5, items=lambda inputs, store: len(inputs.files))
def take_images(inputs: TakeInputs, worker: Worker) -> Made:
    """``<image id>.png`` for each usable image; the id is 16 hex digits of the PNG's hash.

    Facts: number of images; in the lineage what was set aside and why, by file name.
    """
    source, known = find_source(inputs.uri), read_known(worker.store, inputs.hashes, inputs.near_benchmark_bits)
    kept, rejected = {}, dict[str, str]()
    for file in inputs.files:
        try:
            found = _take(inputs, source, known, file)
        except UnusableImage as unusable:
            rejected[file.name] = unusable.reason
            continue
        name = f"{hashlib.sha256(found).hexdigest()[:16]}{PNG}"
        kept[name] = worker.folder / name
        kept[name].write_bytes(found)
    # What was set aside is no content: the same images are the same shard, whatever lay beside them.
    lineage: JsonValue = {"files": len(inputs.files), "rejected": dict(rejected)}
    facts: dict[str, JsonValue] = {"images": len(kept), LINEAGE: lineage}
    return Made(kept, facts)


def _take(inputs: TakeInputs, source: PoolSource, known: KnownPictures, file: PoolFile) -> bytes:
    """The PNG bytes of a pool file.

    Raises:
        UnusableImage: It is set aside.
    """
    picture = _read(source, file, inputs.limits)
    if suite := known.suite_of(hash_picture(picture, inputs.hash_side)):
        raise UnusableImage(f"{IN_BENCHMARK} {suite}")
    return images.encode_png(picture)


def _read(source: PoolSource, file: PoolFile, limits: ImageLimits) -> "Image":
    """The picture of a pool file. Raises ``UnusableImage`` as ``_take``."""
    if file.refusal:
        raise UnusableImage(file.refusal)
    data = source.read(file.name, limits.max_bytes)
    # Looked at after it was read: it may have changed meanwhile.
    if source.version(file.name) != file.version:
        raise UnusableImage(CHANGED)
    return images.read_image(data, limits)


def check_pool(pool: PoolSettings, vlm: ModelSettings, editor: ModelSettings) -> None:
    """Make sure that there is something to take, before any work starts: looks at the first few files.

    Args:
        pool: Where it lies.
        vlm: What describes its pictures.
        editor: What they are edited with.

    Raises:
        PoolError: The pool is missing, unreadable or empty, or too many of the files are unusable.
        ModelError: A model is not there, or the family of the VLM is not known.
    """
    source = find_source(pool.uri)
    files = source.sample(pool.uri, LOOKED_AT)
    limits = pool_limits(pool.max_pixels, pool.max_bytes, (vlm.path, vlm.revision), (editor.path, editor.revision))
    rejected = {}
    for file in files:
        try:
            _read(source, file, limits)
        except UnusableImage as unusable:
            rejected[file.name] = unusable.reason
    _accept(pool.uri, pool.max_rejected_share, len(files), rejected)


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
    files = sum(int(str(_lineage(one)["files"])) for one in facts)
    _accept(uri, max_rejected_share, files, unusable)
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
        rejected = _lineage(one)["rejected"]
        if isinstance(rejected, dict):
            found |= {name: str(reason) for name, reason in rejected.items()}
    return found


def _lineage(facts: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """What went into a shard: how many files, and which were set aside."""
    lineage = facts[LINEAGE]
    return lineage if isinstance(lineage, dict) else {}


def read_listing(store: ObjectStore, ref: ArtifactRef) -> tuple[PoolFile, ...]:
    """The files of a round."""
    return read_payload(store, ref, Listing).root


def _accept(uri: str, max_rejected_share: float, count: int, rejected: Mapping[str, str]) -> None:
    if rejected and (len(rejected) == count or len(rejected) > max_rejected_share * count):
        reasons = ", ".join(f"{number} {reason}" for reason, number in Counter(rejected.values()).items())
        raise PoolError(
            f"{len(rejected)} of {count} images of {uri} are unusable ({reasons}), such as {min(rejected)!r}; the "
            f"profile accepts a share of {max_rejected_share}. Clean the pool or raise pool.max_rejected_share."
        )
