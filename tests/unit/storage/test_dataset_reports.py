"""Looking into dataset versions."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from PIL import Image
from typer.testing import CliRunner

from commands.cli import app
from storage.dataset_reports import compare_versions, export_jsonl, find_version, list_versions, read_rows, sample_rows
from storage.layout import dataset_key
from storage.objects import ObjectStore
from tests.loop import stored_dataset
from viper.errors import StoreError
from viper.records import ArtifactRef


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, shade, shade)).save(buffer, "PNG")
    return buffer.getvalue()


def row(name: str, shade: int, *truth: str, kinds: tuple[str, ...] = ("recolor",)) -> dict[str, Any]:
    return {
        "id": name,
        "images": [png(shade), png(shade + 1)],
        "prompt": "what was changed?",
        "truth": list(truth),
        "meta": json.dumps({"stage": "vop", "kinds": kinds}),
    }


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


@pytest.fixture
def versions(store: ObjectStore) -> tuple[ArtifactRef, ArtifactRef]:
    first = [
        row("a", 1, "make it red."),
        row("b", 2, "make it blue."),
        row("c", 3, "make it small.", kinds=("resize",)),
    ]
    second = [
        row("b", 2, "make it teal."),
        row("c", 3, "make it small.", kinds=("resize",)),
        row("d", 9, "one.", "two."),
    ]
    keys = [dataset_key("main", number, "vop", f"{number}" * 4) for number in (1, 2)]
    return (
        stored_dataset(store, keys[0], first, {"reasons": {"accepted": 3, "spilled elsewhere": 1}}, 0),
        stored_dataset(store, keys[1], second, {"reasons": {"accepted": 3}}, 0),
    )


def test_versions_are_listed_and_found_by_key_and_by_hash(
    store: ObjectStore, versions: tuple[ArtifactRef, ArtifactRef]
) -> None:
    store.commit("evolutions/main/rounds/0001/verdict", "round", {"x": b"1"})
    assert [(one.evolution, one.round_number, one.lesson, one.rows) for one in list_versions(store)] == [
        ("main", 1, "vop", 3),
        ("main", 2, "vop", 3),
    ]
    assert list_versions(store, "other") == []
    for ref in versions:
        assert find_version(store, ref.uri) == find_version(store, ref.sha256[:10]) == ref
    for name in ("evolutions/main/rounds/0001/verdict", "nothing", ""):
        with pytest.raises(StoreError, match="dataset versions are named"):
            find_version(store, name)


def test_a_difference_names_rows_and_figures(store: ObjectStore, versions: tuple[ArtifactRef, ArtifactRef]) -> None:
    change = compare_versions(store, *versions)
    assert (change.added, change.removed, change.changed) == (("d",), ("a",), ("b",))
    assert change.figures["rows"] == (3, 3)
    assert change.figures["sentences a row"] == (1, pytest.approx(4 / 3))
    assert change.figures["share of resize"] == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert change.figures["yield of accepted"] == (0.75, 1.0)
    assert change.figures["yield of spilled elsewhere"] == (0.25, 0.0)
    same = compare_versions(store, versions[0], versions[0])
    assert (same.added, same.removed, same.changed) == ((), (), ())


def test_rows_leave_as_json_lines_with_their_pictures(
    store: ObjectStore, versions: tuple[ArtifactRef, ArtifactRef], tmp_path: Path
) -> None:
    assert export_jsonl(store, versions[0], tmp_path / "out") == 3
    lines = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", "b", "c"]
    assert lines[1]["truth"] == ["make it blue."]
    assert lines[2]["meta"]["kinds"] == ["resize"]
    assert [(tmp_path / "out" / name).read_bytes() for name in lines[0]["images"]] == [png(1), png(2)]
    with pytest.raises(StoreError, match="not empty"):
        export_jsonl(store, versions[0], tmp_path / "out")


def test_a_hub_folder_opens_in_datasets(
    store: ObjectStore, versions: tuple[ArtifactRef, ArtifactRef], tmp_path: Path
) -> None:
    folder = store.download(versions[0], tmp_path / "hub")
    rows = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["id"] == ["a", "b", "c"]
    assert rows[0]["images"][1].getpixel((0, 0)) == (2, 2, 2)


def test_samples_are_spread_over_the_version(store: ObjectStore, versions: tuple[ArtifactRef, ArtifactRef]) -> None:
    assert [one.id for one, _ in sample_rows(store, versions[0], 2)] == ["a", "b"]
    assert [one.id for one, _ in sample_rows(store, versions[0], 9)] == ["a", "b", "c"]
    (_, pictures), *_ = sample_rows(store, versions[0], 1)
    assert pictures == [png(1), png(2)]
    assert len({hash_ for one in read_rows(store, versions[0]) for hash_ in one.images_sha256}) == 4


def test_scripts_read_versions_and_differences_as_json(
    store: ObjectStore, versions: tuple[ArtifactRef, ArtifactRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIPER_STORE", store.root)

    def read(*arguments: str) -> Any:
        return json.loads(CliRunner().invoke(app, ["data", *arguments, "--json"]).stdout)

    listed = read("list")["versions"]
    assert [(one["ref"]["uri"], one["rows"]) for one in listed] == [(ref.uri, 3) for ref in versions]
    shown = read("show", versions[0].uri)
    assert (shown["version"]["sha256"], shown["rows"][0]["truth"]) == (versions[0].sha256, ["make it red."])
    change = read("diff", *(ref.uri for ref in versions))
    assert (change["removed"], change["changed"]) == (["a"], ["b"])
