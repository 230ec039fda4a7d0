"""Keeps benchmark pictures out of the pool: hashes of every suite's pictures, and whether a picture is among them."""

from collections.abc import Iterator, Sequence

from models.contamination import Hashes, KnownPictures, hash_picture
from models.payloads import Payload
from storage.images import read_image
from storage.objects import ObjectStore
from storage.suite_shards import ShardImages, read_questions
from tasks.shards import read_payload
from tasks.step import Inputs, Made, step
from tasks.suites import shard_count
from tasks.worker import Worker
from viper.pictures import ACCEPTED
from viper.records import ArtifactRef


class PictureHashes(Payload[tuple[Hashes, ...]]):
    """The distinct pictures of a suite."""

    entry = "hashes.json"


class HashInputs(Inputs):
    """What decides the hashes of a suite's pictures."""

    suite: str
    file: ArtifactRef
    hash_side: int
    """Perceptual hashes have this many bits squared."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"hash pictures of {self.suite}"


@step("hashes", 3)
def hash_suite(inputs: HashInputs, worker: Worker) -> Made:
    """Payload ``PictureHashes``; facts: the suite."""
    found = set()
    for shard in range(shard_count(worker.store, inputs.file)):
        for data in _pictures(worker.store, inputs.file, shard):
            found.add(hash_picture(read_image(data, ACCEPTED), inputs.hash_side))
    return Made(PictureHashes(tuple(sorted(found))).encoded(), {"suite": inputs.suite, "pictures": len(found)})


def read_known(store: ObjectStore, hashes: Sequence[ArtifactRef], max_bits: int) -> KnownPictures:
    """The pictures of all suites, from the artifacts of ``hash_suite``."""
    suites = {str(store.manifest(ref).meta["suite"]): read_payload(store, ref, PictureHashes).root for ref in hashes}
    return KnownPictures(suites, max_bits)


def _pictures(store: ObjectStore, file: ArtifactRef, shard: int) -> Iterator[bytes]:
    """The distinct images of a shard."""
    images = ShardImages(store, file, shard)
    names = dict.fromkeys(name for row in read_questions(store, file, shard) for name in row["images"])
    return map(images.read, names)
