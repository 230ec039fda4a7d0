"""Where pools lie: one file a kind of source. A new one is a file beside these and a line in ``SOURCES``."""

from tasks.pools.drawn import DrawnPool
from tasks.pools.files import FilePool
from tasks.pools.packed import PARQUET_POOL, TAR_POOL
from tasks.pools.source import PoolSource
from viper.errors import PoolError

SOURCES: dict[str, PoolSource] = {
    "drawn": DrawnPool(),
    "tar": TAR_POOL,
    "parquet": PARQUET_POOL,
    "files": FilePool(),
}
"""By name. The first that takes an address reads it."""


def find_source(uri: str) -> PoolSource:
    """The source that reads the pool at an address.

    Raises:
        PoolError: None does.
    """
    for source in SOURCES.values():
        if source.takes(uri):
            return source
    raise PoolError(
        f"No pool lies at {uri!r}. Expected a folder, s3://bucket/prefix, either after "
        "tar: or parquet: where its pictures are packed in such files, or the address of a world."
    )
