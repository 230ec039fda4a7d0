"""Questions with their images, kept in shards: a text file of questions and a zip archive of images for each.

An image is written once by its hash and archived in every shard that asks about it, so that a shard stands alone.
Writing holds one image in memory, reading those that are asked for.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from storage.objects import ObjectStore
from viper.records import ArtifactRef


class ShardWriter:
    """Writes questions to shards in a folder."""

    def __init__(self, folder: Path, shard_questions: int) -> None:
        self._folder, self._size = folder, shard_questions
        self._waiting: list[dict[str, Any]] = []
        self.entries: dict[str, bytes | Path] = {}
        self.questions = 0
        (folder / "images").mkdir()

    @property
    def shards(self) -> int:
        """Number of shards so far."""
        return len(self.entries) // 2

    def keep_image(self, data: bytes) -> str:
        """The name of an image, its hash; its bytes are written unless they were."""
        name = sha256(data).hexdigest()
        path = self._folder / "images" / name
        if not path.exists():
            path.write_bytes(data)
        return name

    def add(self, question: dict[str, Any], images: Sequence[str]) -> None:
        """Add a question about images that were kept."""
        self._waiting.append({**question, "images": list(images)})
        self.questions += 1
        if len(self._waiting) == self._size:
            self.close()

    def close(self) -> None:
        """Write the shard that is not full yet, if any."""
        if not self._waiting:
            return
        archive = self._folder / f"{self.shards:04d}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for name in dict.fromkeys(name for one in self._waiting for name in one["images"]):
                # A bare ZipInfo carries no time of day: equal images give equal bytes.
                file.writestr(zipfile.ZipInfo(name), (self._folder / "images" / name).read_bytes())
        lines = "\n".join(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in self._waiting)
        self.entries |= {f"{archive.stem}.jsonl": lines.encode(), archive.name: archive}
        self._waiting = []


def read_questions(store: ObjectStore, suite_file: ArtifactRef, shard: int) -> list[dict[str, Any]]:
    """The questions of a shard, each with its image names under ``images``."""
    # JSON escapes line ends; splitlines would also split at characters that it leaves alone.
    return [json.loads(line) for line in store.read(suite_file, f"{shard:04d}.jsonl").decode().split("\n")]


class ShardImages:
    """The images of a shard, by name."""

    def __init__(self, store: ObjectStore, suite_file: ArtifactRef, shard: int) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(store.read(suite_file, f"{shard:04d}.zip")))

    def read(self, name: str) -> bytes:
        """The bytes of an image."""
        return self._archive.read(name)
