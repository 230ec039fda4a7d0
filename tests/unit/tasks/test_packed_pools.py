"""Pools packed in tar and parquet files: every picture comes once before any comes twice, byte for byte."""

import io
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from storage import parquet_pictures, tar_pictures
from storage.objects import ObjectStore
from tasks.pool import check_pool, list_pool, read_listing, take_images
from tasks.pools import find_source
from tasks.pools.source import PoolChoice
from tests.loop import cut_for, done, worker_for
from viper.errors import PoolError, StoreError, UnusableImage
from viper.records import Seed

LARGE = 10**6


def picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def tar_pool(folder: Path) -> str:
    """Two tar files with pictures 0 to 4 among captions, a hidden file, a folder and a link."""
    folder.mkdir()
    write_tar(folder / "a.tar", {"0.png": picture(0), "0.txt": b"a caption", f"{'deep/' * 40}1.PNG": picture(1)})
    write_tar(folder / "b.tar", {"é#+@1.png": picture(2), ".hidden.png": picture(9), "x/3.png": picture(3)})
    with tarfile.open(folder / "b.tar", "a") as tar:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "x/3.png"
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("empty.png"))
        info = tarfile.TarInfo("4.png")
        info.size = len(picture(4))
        tar.addfile(info, io.BytesIO(picture(4)))
    (folder / "notes.txt").write_text("no pool")
    return f"tar:{folder}"


def parquet_pool(folder: Path) -> str:
    """Two parquet files as datasets writes them, with pictures 0 to 4, the first in row groups of two."""
    for name, numbers in (("a", range(3)), ("b", range(3, 5))):
        rows = {
            "text": [str(number) for number in numbers],
            "image": [{"bytes": picture(number)} for number in numbers],
        }
        features = datasets.Features({"text": datasets.Value("string"), "image": datasets.Image()})
        folder.mkdir(exist_ok=True)
        datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / f"{name}.parquet", batch_size=2)
    return f"parquet:{folder}"


@pytest.fixture(params=["tar", "parquet"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"tar": tar_pool, "parquet": parquet_pool}[request.param](tmp_path / "pool")


def choice(uri: str, count: int, round_number: int) -> PoolChoice:
    seed = Seed(evolution=1, round_number=0, step="pool")
    return PoolChoice(uri=uri, count=count, round_number=round_number, order=seed, draw=seed)


def test_every_picture_is_read_byte_for_byte_and_comes_once_before_any_comes_twice(uri: str) -> None:
    source = find_source(uri)
    rounds = [source.choose(choice(uri, 2, number)) for number in range(1, 6)]
    read = Counter[bytes]()
    for files in rounds:
        for file in files:
            assert source.version(file.name) == file.version != ""
            data = source.read(file.name, LARGE) if "empty.png" not in file.name else b""
            read[data] += 1
    read.pop(b"", None)
    assert set(read) == {picture(number) for number in range(5)}
    assert max(read.values()) <= 2
    assert [file.name for files in rounds for file in files] == [
        file.name for number in range(1, 6) for file in source.choose(choice(uri, 2, number))
    ]


def test_a_round_larger_than_the_pool_takes_all_of_it_once(uri: str) -> None:
    source = find_source(uri)
    for round_number in (1, 2):
        names = [file.name for file in source.choose(choice(uri, 1000, round_number))]
        assert len(names) == len(set(names)) == (6 if uri.startswith("tar") else 5)


def test_a_round_takes_its_images_from_packed_files(uri: str, tmp_path: Path) -> None:
    cut = cut_for(f"pool.uri={uri}", "pool.images_per_round=4", "pool.max_rejected_share=0.5")
    check_pool(cut.settings.pool, cut.settings.models.vlm, cut.settings.models.editor)
    worker = worker_for(cut, ObjectStore(str(tmp_path / "store")))
    files = read_listing(worker.store, done(list_pool, inputs.listing(cut, 1), worker))
    (one,) = inputs.takes(cut, files, [])
    manifest = worker.store.manifest(done(take_images, one, worker))
    assert manifest.meta["images"] == sum("empty" not in file.name for file in files)


def test_a_file_that_changed_since_it_was_listed_has_another_version(uri: str, tmp_path: Path) -> None:
    source = find_source(uri)
    (file,) = source.choose(choice(uri, 1, 1))
    path = Path(file.name.split(":", 1)[1].rpartition("#")[0])
    path.write_bytes(path.read_bytes() + b"more")
    assert source.version(file.name) != file.version
    path.unlink()
    assert source.version(file.name) == ""
    with pytest.raises((UnusableImage, StoreError)):
        source.read(file.name, LARGE)


def test_of_a_large_picture_just_enough_is_read(uri: str) -> None:
    source = find_source(uri)
    for file in source.choose(choice(uri, 2, 1)):
        assert len(source.read(file.name, 10)) == 11


def test_rows_are_read_once_in_their_order_and_again_if_asked(tmp_path: Path) -> None:
    parquet_pool(tmp_path / "pool")
    uri, reader = str(tmp_path / "pool" / "a.parquet"), parquet_pictures.ParquetReader()
    places = list(parquet_pictures.list_pictures(uri))
    assert places == ["0.0", "0.1", "1.0"]
    assert [reader.read_picture(uri, place, LARGE) for place in places] == [picture(number) for number in range(3)]
    for number in (2, 0, 1, 1):
        assert reader.read_picture(uri, places[number], LARGE) == picture(number)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a"]}, r"has 0 columns that hold pictures \(none\) among text"),
        ({"first": [b"x"], "second": [b"y"]}, r"has 2 columns that hold pictures \(first, second\)"),
    ],
)
def test_a_parquet_file_without_one_column_of_pictures_is_refused(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    with pytest.raises(PoolError, match=message):
        find_source("parquet:").sample(f"parquet:{tmp_path}", 1)


def test_a_row_without_a_picture_is_set_aside(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"image": [None, picture(1)]}), tmp_path / "a.parquet")
    source = find_source("parquet:")
    first, second = source.sample(f"parquet:{tmp_path}", 2)
    with pytest.raises(UnusableImage):
        source.read(first.name, LARGE)
    assert source.read(second.name, LARGE) == picture(1)


@pytest.mark.parametrize("scheme", ["tar", "parquet"])
def test_files_of_another_format_and_none_are_refused(tmp_path: Path, scheme: str) -> None:
    source = find_source(f"{scheme}:")
    with pytest.raises(PoolError, match=rf"no files ending in .{scheme}"):
        source.sample(f"{scheme}:{tmp_path}", 1)
    (tmp_path / f"a.{scheme}").write_bytes(b"something else, longer than the header of a tar file" * 20)
    with pytest.raises(PoolError, match=rf"cannot be read as (a )?{scheme}"):
        source.sample(f"{scheme}:{tmp_path}", 1)


def test_a_tar_file_that_ends_within_a_picture_costs_that_picture(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"0.png": picture(0), "1.png": picture(1)})
    uri = str(tmp_path / "a.tar")
    first, second = tar_pictures.list_pictures(uri)
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[: whole.index(picture(1)) + 10])
    assert tar_pictures.read_picture(uri, first, LARGE) == picture(0)
    with pytest.raises(UnusableImage):
        tar_pictures.read_picture(uri, second, LARGE)
