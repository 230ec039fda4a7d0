"""A pool on a real S3 server (SeaweedFS): odd keys are read, and what is no object is not listed."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from storage.bucket import s3_filesystem
from storage.pool_files import list_pool, read_pool_file, version_of
from tasks.pools import find_source
from tests.servers import s3_of_this_process
from viper.errors import PoolError, StoreError, UnusableImage

pytestmark = pytest.mark.integration

NAMES = (
    "a b.png",
    "a+b&c=d.png",
    "#1.png",
    "100%.png",
    "%20.png",
    "what?.png",
    "a::b.png",
    "ä漢🎈.JPG",
    "quote'\".png",
    "(brackets) [and] {braces}.png",
    "deep/er/x.webp",
    "pictures.png/inside.png",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with s3_of_this_process(tmp_path_factory.mktemp("weed")):
        yield s3_filesystem()


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (9, 9), shade).save(buffer, "PNG")
    return buffer.getvalue()


def put(files: Any, key: str, data: bytes) -> None:
    files.call_s3("put_object", Bucket="evo", Key=key, Body=data)


def test_odd_keys_are_read_and_folders_are_none_of_them(files: Any) -> None:
    for number, name in enumerate(NAMES):
        put(files, f"pool/{name}", png(number))
    put(files, "pool/folder.png/", b"")
    put(files, "pool/.hidden.png", b"")
    put(files, "pool/notes.txt", b"")
    put(files, "pool-of-others/x.png", b"")
    listed = list_pool("s3://evo/pool")
    assert {file.name for file in listed} == {f"s3://evo/pool/{name}" for name in NAMES}
    for file in listed:
        assert find_source(file.name).read(file.name, 10**6) == png(
            NAMES.index(file.name.removeprefix("s3://evo/pool/"))
        )
        assert version_of(file.name) == file.version
        assert len(read_pool_file(file.name, 10)) == 11


def test_what_has_gone_is_told_from_a_place_that_is_not_there(files: Any) -> None:
    put(files, "gone/a.png", png(1))
    files.rm("evo/gone/a.png")
    assert version_of("s3://evo/gone/a.png") == ""
    with pytest.raises(UnusableImage, match="changed since the round began"):
        read_pool_file("s3://evo/gone/a.png", 10)
    with pytest.raises(PoolError, match="no images in s3://evo/nothing"):
        list_pool("s3://evo/nothing")
    with pytest.raises(StoreError, match="bucket"):
        list_pool("s3://no-such-bucket/pool")


def test_a_key_that_the_filesystem_takes_for_a_version_of_another_is_set_aside(files: Any) -> None:
    put(files, "versions/a?versionId=1.png", png(1))
    (file,) = list_pool("s3://evo/versions")
    with pytest.raises(UnusableImage):
        read_pool_file(file.name, 10)


def test_an_empty_object_is_read(files: Any) -> None:
    put(files, "empty/a.png", b"")
    (file,) = list_pool("s3://evo/empty/")
    assert read_pool_file(file.name, 10) == b""


def test_pictures_in_tar_and_parquet_files_are_read(files: Any, tmp_path: Path) -> None:
    pictures = [png(shade) for shade in (10, 20, 30)]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number, data in enumerate(pictures):
            info = tarfile.TarInfo(f"{number}.png")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    cells = [{"bytes": data, "path": None} for data in pictures]
    pyarrow.parquet.write_table(pyarrow.table({"image": cells}), tmp_path / "a.parquet", row_group_size=2)
    for scheme in ("tar", "parquet"):
        put(files, f"packed #1/a.{scheme}", (tmp_path / f"a.{scheme}").read_bytes())
        source = find_source(f"{scheme}:")
        found = source.sample(f"{scheme}:s3://evo/packed #1", 9)
        assert [source.read(file.name, 10**6) for file in found] == pictures
        assert {source.version(file.name) for file in found} == {file.version for file in found}
        assert len({file.version for file in found}) == 1
