"""Pools of image files in a folder or bucket."""

import numpy as np

from storage.files import stat_file
from storage.images import list_images, read_bytes
from tasks.pools.source import PoolChoice, PoolFile


class FilePool:
    """Image files below a folder or an ``s3://`` prefix."""

    def takes(self, uri: str) -> bool:
        """Paths, and addresses of buckets."""
        return uri.startswith((".", "/", "~", "s3://")) or ":" not in uri

    def choose(self, choice: PoolChoice) -> list[PoolFile]:
        """The next slice of one seeded permutation of all files, which starts again when it is used up."""
        listing = list_images(choice.uri)
        names = list(listing)
        count = min(choice.count, len(names))
        order = np.random.default_rng(choice.order.of()).permutation(len(names))
        first = (choice.round_number - 1) * count
        chosen = [names[order[(first + number) % len(names)]] for number in range(count)]
        return [PoolFile(name=name, version=listing[name]) for name in chosen]

    def sample(self, uri: str, count: int) -> list[str]:
        """The first files by name."""
        return list(list_images(uri))[:count]

    def version(self, name: str) -> str:
        """Size, and ETag or time of change; empty if it is gone."""
        return stat_file(name)

    def read(self, name: str, max_bytes: int) -> bytes:
        """Its bytes."""
        return read_bytes(name, max_bytes)
