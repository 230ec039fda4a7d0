"""Pools of pictures packed in larger files: ``tar:`` (WebDataset) and ``parquet:`` (Hugging Face)."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from storage import parquet_pictures, tar_pictures
from storage.files import list_files, stat_file
from storage.parquet_pictures import ParquetReader
from tasks.pools.source import PoolChoice
from viper.errors import PoolError, StoreError, StoreUnavailable, UnusableImage
from viper.pictures import UNREADABLE, PoolFile

log = logging.getLogger("viper")

Lister = Callable[[str], Iterator[str]]
"""Gives the places of the pictures in a file."""
Reader = Callable[[str, str, int], bytes]
"""Gives the bytes of the picture at a place of a file: at most so many and one more."""


class PackedPool:
    """Pictures in files of one format below a folder, an ``s3://`` prefix or ``hf://datasets/OWNER/NAME``.

    A round takes whole stretches of a file, since reading a file in its order is what makes it fast: the files come in
    one seeded permutation, their pictures in the file's order. Who wants them mixed shuffles them when packing.
    """

    def __init__(self, scheme: str, endings: tuple[str, ...], lister: Lister, reader: Reader) -> None:
        """Begin.

        Args:
            scheme: What addresses begin with, such as ``tar:``.
            endings: Of the files' names.
            lister: For the format.
            reader: For the format.
        """
        self._scheme, self._endings, self._list, self._read = scheme, endings, lister, reader

    def takes(self, uri: str) -> bool:
        """Addresses that begin with the scheme."""
        return uri.startswith(self._scheme)

    def choose(self, choice: PoolChoice) -> list[PoolFile]:
        """The next stretch of all pictures, which starts again when it is used up."""
        files = self._files(choice.uri)
        order = np.random.default_rng(choice.order.of()).permutation(len(files))
        files = [files[number] for number in order]
        first = (choice.round_number - 1) * choice.count
        found = list(islice(self._pictures(files), first, first + choice.count))
        if len(found) == choice.count:
            return found
        everything = list(self._pictures(files))
        if not everything:
            raise PoolError(f"There are no pictures in the {len(files)} files of {choice.uri}.")
        count = min(choice.count, len(everything))
        first = (choice.round_number - 1) * count
        return [everything[(first + number) % len(everything)] for number in range(count)]

    def sample(self, uri: str, count: int) -> list[PoolFile]:
        """The first pictures of the first file."""
        found = list(islice(self._pictures(self._files(uri)), count))
        if not found:
            raise PoolError(f"There are no pictures in the files of {uri}.")
        return found

    def version(self, name: str) -> str:
        """Size, and ETag, hash or time of change, of the file that holds the picture; empty if it is gone."""
        return stat_file(self._place(name)[0])

    def read(self, name: str, max_bytes: int) -> bytes:
        """Its bytes; of a picture larger than ``max_bytes``, at least enough to see that it is."""
        file, place = self._place(name)
        try:
            return self._read(file, place, max_bytes)
        except StoreUnavailable:
            raise
        except (PoolError, StoreError) as error:
            if isinstance(error, UnusableImage):
                raise
            log.warning("%s", error)
            raise UnusableImage(UNREADABLE) from error

    def _files(self, uri: str) -> list[tuple[str, str]]:
        """Addresses and versions of the files below an address, sorted; of the one file that it may name itself."""
        root = uri.removeprefix(self._scheme).rstrip("/")
        if root.endswith(self._endings) and (version := stat_file(root)):
            return [(root, version)]
        found = [(f"{root}/{path}", version) for path, version in list_files(root).items()]
        if chosen := [one for one in found if one[0].endswith(self._endings)]:
            return chosen
        raise PoolError(f"There are no files ending in {' or '.join(self._endings)} in {root}.")

    def _pictures(self, files: Iterable[tuple[str, str]]) -> Iterator[PoolFile]:
        for uri, version in files:
            for place in self._list(uri):
                yield PoolFile(name=f"{self._scheme}{uri}#{place}", version=version)

    def _place(self, name: str) -> tuple[str, str]:
        """The file of a picture, and its place in it."""
        uri, _, place = name.removeprefix(self._scheme).rpartition("#")
        return uri, place


TAR_POOL = PackedPool("tar:", (".tar",), tar_pictures.list_pictures, tar_pictures.read_picture)
PARQUET_POOL = PackedPool("parquet:", (".parquet",), parquet_pictures.list_pictures, ParquetReader().read_picture)
