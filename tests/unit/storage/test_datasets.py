"""Dataset versions."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image
from pydantic import JsonValue

import storage.datasets
from storage.dataset_reports import export_folder, read_rows
from storage.datasets import Picture, lineage, read_dataset
from storage.images import encode_png
from storage.objects import ObjectStore
from tests.loop import stored_dataset
from viper.errors import CorruptArtifact, StoreError

LINEAGE: dict[str, JsonValue] = {"parent": "", "round": 1, "rejections": {"too|short": 2}}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def rows(count: int = 3) -> list[dict[str, object]]:
    return [
        {
            "id": f"r{number}",
            "images": [encode_png(Image.new("RGB", (4, 4), (number, side, 0))) for side in range(2)],
            "prompt": "<image><image>What changed?",
            "truth": ["The circle became red.", "A ring was added."],
            "meta": '{"operation":"recolor"}',
        }
        for number in range(count)
    ]


def test_a_version_opens_with_datasets_and_with_pandas(store: ObjectStore, tmp_path: Path) -> None:
    import datasets

    ref = stored_dataset(store, "d", rows(), LINEAGE, 0)
    folder = store.download(ref, tmp_path / "version")
    whole = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "hf"))
    assert whole.column_names == ["id", "images", "prompt", "truth", "meta"]
    assert whole[2]["images"][1].getpixel((0, 0)) == (2, 1, 0)
    frame = pandas.read_parquet(folder / "data" / "train-00000-of-00001.parquet")
    assert Image.open(io.BytesIO(frame.images[1][0]["bytes"])).getpixel((0, 0)) == (1, 0, 0)
    assert list(frame.truth[0]) == ["The circle became red.", "A ring was added."]


def test_reading_a_version_decodes_its_images_and_keeps_its_order(store: ObjectStore, tmp_path: Path) -> None:
    ref = stored_dataset(store, "d", rows(), LINEAGE, 0)
    dataset = read_dataset(store, ref, tmp_path / "cache")
    assert dataset["id"] == ["r0", "r1", "r2"]
    assert [image.getpixel((0, 0)) for image in dataset[1]["images"]] == [(1, 0, 0), (1, 1, 0)]
    assert read_dataset(store, ref, tmp_path / "cache")[0]["prompt"] == "<image><image>What changed?"


def test_large_pictures_lie_beside_the_rows_and_share_their_blobs(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    small, large = encode_png(Image.new("RGB", (4, 4), (7, 0, 0))), encode_png(Image.fromarray(noise))
    pool = store.commit("pool", "pool", {"small.png": small, "large.png": large})
    images = [Picture(pool, "small.png"), Picture(pool, "large.png"), Picture(pool, "large.png")]
    before = store.blobs().keys()
    ref = stored_dataset(store, "d", [{**rows(1)[0], "images": images}], LINEAGE, len(small))
    assert len(store.blobs().keys() - before) == 3  # rows, card, manifest: no picture was written again
    assert store.damaged(ref) == ()

    row = read_dataset(store, ref, tmp_path / "cache")[0]
    assert row["images"][0].getpixel((0, 0)) == (7, 0, 0)
    assert (np.asarray(row["images"][2]) == noise).all()
    (found,) = read_rows(store, ref)
    assert found.images_sha256 == tuple(hashlib.sha256(png).hexdigest() for png in (small, large, large))
    folder = store.download(ref, tmp_path / "version")
    monkeypatch.chdir(folder)
    raw = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "hf"))
    assert (np.asarray(raw[0]["images"][1]) == noise).all()

    monkeypatch.chdir(tmp_path)
    export_folder(store, ref, tmp_path / "out")
    assert not (tmp_path / "out" / "images").exists()
    moved = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "hf"))
    assert (np.asarray(moved[0]["images"][1]) == noise).all()
    inline = stored_dataset(store, "inline", [{**rows(1)[0], "images": images}], LINEAGE, len(large))
    assert [name for name in store.manifest(inline).entries if name.startswith("images")] == []


def test_a_lost_picture_is_named_as_its_artifacts_so_that_it_is_made_again(store: ObjectStore) -> None:
    pool = store.commit("results/pool/1", "pool", {"a.png": b"large", "b.png": b"larger"})
    pictures = [Picture(pool, "a.png"), Picture(pool, "b.png")]
    lost = store.manifest(pool).entries["b.png"].sha256
    (Path(store.root) / "objects" / "sha256" / lost[:2] / lost).unlink()
    with pytest.raises(CorruptArtifact, match=r"b\.png.*missing") as caught:
        stored_dataset(store, "d", [{**rows(1)[0], "images": pictures}], LINEAGE, 1)
    assert caught.value.key == "results/pool/1"
    assert store.find("d") is None


def test_the_same_rows_give_the_same_hash_and_other_rows_another(store: ObjectStore) -> None:
    first = stored_dataset(store, "first", rows(), LINEAGE, 0)
    second = stored_dataset(store, "second", (row for row in rows()), LINEAGE, 0)
    third = stored_dataset(store, "third", rows(4), LINEAGE, 0)
    assert first.sha256 == second.sha256 != third.sha256


def test_lineage_and_counts_travel_with_the_version(store: ObjectStore) -> None:
    ref = stored_dataset(store, "d", rows(), LINEAGE, 0)
    assert lineage(store, ref) == LINEAGE
    card = store.read(ref, "README.md").decode()
    assert card.startswith("---\nconfigs:\n")
    assert "3 rows with 6 images and 6 ground-truth sentences" in card
    assert r'| rejections | {"too\|short":2} |' in card


def test_many_rows_are_written_in_several_shards(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.datasets, "SHARD_BYTES", 1000)
    ref = stored_dataset(store, "d", rows(30), LINEAGE, 0)
    shards = [name for name in store.manifest(ref).entries if name.startswith("data/")]
    assert len(shards) > 2
    assert read_dataset(store, ref, tmp_path / "cache")["id"] == [f"r{number}" for number in range(30)]


def test_a_version_without_rows_is_refused(store: ObjectStore) -> None:
    with pytest.raises(StoreError, match="has no rows"):
        stored_dataset(store, "d", [], LINEAGE, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": 1.0}, "has the columns"),
        ({"id": "r0"}, "comes twice"),
        ({"truth": 5}, "has a wrong type"),
    ],
)
def test_a_malformed_row_is_named(store: ObjectStore, change: dict[str, object], message: str) -> None:
    def broken() -> Iterator[dict[str, object]]:
        first, second = rows(2)
        yield first
        yield {**second, **change}

    with pytest.raises(StoreError, match=message):
        stored_dataset(store, "d", broken(), LINEAGE, 0)
    assert store.find("d") is None


def test_lineage_of_another_artifact_is_refused(store: ObjectStore) -> None:
    ref = store.commit("a", "images", {"x": b"x"})
    with pytest.raises(StoreError, match="has no lineage"):
        lineage(store, ref)
