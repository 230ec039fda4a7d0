"""Pictures in tar files, as WebDataset packs them: listed by their headers, read by their place."""

import tarfile
from collections.abc import Iterator
from urllib.parse import quote

from storage.files import open_file
from storage.pool_files import SUFFIXES
from viper.errors import PoolError, UnusableImage
from viper.pictures import UNREADABLE


def list_pictures(uri: str) -> Iterator[str]:
    """The places of a tar file's pictures, in its order: ``NAME@OFFSET+SIZE``, in bytes. Only headers are read.

    Raises:
        PoolError: It is no tar file, or damaged.
        StoreError: It cannot be read.
    """
    with open_file(uri) as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                for member in tar:
                    hidden = any(part.startswith(".") for part in member.name.removeprefix("./").split("/"))
                    if member.isreg() and not hidden and member.name.lower().endswith(SUFFIXES):
                        shown = quote(member.name, errors="surrogateescape")
                        yield f"{shown}@{member.offset_data}+{member.size}"
                    tar.members = []  # type: ignore[attr-defined]  # of a file of a million pictures it would keep all
        except tarfile.TarError as error:
            raise PoolError(f"{uri} cannot be read as a tar file: {error}. Fetch it again, or take it away.") from error


def read_picture(uri: str, place: str, max_bytes: int) -> bytes:
    """The bytes of a picture; of one larger than ``max_bytes``, just enough to see that it is.

    Raises:
        UnusableImage: The file ends before it.
        StoreError: The file cannot be read.
    """
    offset, _, size = place.rpartition("@")[2].partition("+")
    wanted = min(int(size), max_bytes + 1)
    with open_file(uri) as file:
        file.seek(int(offset))
        data = file.read(wanted)
    if len(data) < wanted:
        raise UnusableImage(UNREADABLE)
    return data
