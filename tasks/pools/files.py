"""Pools of image files in a folder or bucket."""

import numpy as np

from storage.pool_files import list_pool, read_pool_file, version_of
from tasks.pools.source import PoolChoice
from viper.pictures import PoolFile


class FilePool:
    """Image files below a folder or an ``s3://`` prefix."""

    def takes(self, uri: str) -> bool:
        """Paths, and addresses of buckets."""
        return uri.startswith((".", "/", "~", "s3://")) or ":" not in uri

    def choose(self, choice: PoolChoice) -> list[PoolFile]:
        """The next slice of one seeded permutation of all files, which starts again when it is used up."""
        files = list_pool(choice.uri)
        count = min(choice.count, len(files))
        order = np.random.default_rng(choice.order.of()).permutation(len(files))
        first = (choice.round_number - 1) * count
        return [files[order[(first + number) % len(files)]] for number in range(count)]

    def sample(self, uri: str, count: int) -> list[PoolFile]:
        """The first files by name."""
        return list_pool(uri)[:count]

    def version(self, name: str) -> str:
        """Size, and ETag or time of change; empty if it is gone."""
        return version_of(name)

    def read(self, name: str, max_bytes: int) -> bytes:
        """Its bytes."""
        return read_pool_file(name, max_bytes)
