"""Suites are fixed from files as others publish them: checked row by row, with bounded memory."""

import base64
import csv
import io
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from flows import synthesis_inputs
from flows.cut import Cut
from flows.start import open_store
from models.suites.catalog import SUITES
from storage import blobs
from storage.suite_shards import ShardImages, read_questions
from tasks.step import perform
from tasks.suites import check_suites, fix_suite
from tests.loop import cut_for, worker_for
from viper.errors import SuiteError
from viper.records import ArtifactRef


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))


def picture(seed: int, side: int = 8, form: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **({"compress_level": 0} if form == "PNG" else {}))
    return buffer.getvalue()


def encoded(*frames: Image.Image) -> bytes:
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=len(frames) > 1, append_images=frames[1:])
    return buffer.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def write_tsv(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def choice(index: object, image: str, **changed: object) -> dict[str, object]:
    options = {"A": "teal", "B": "green", "C": "red", "D": "blue"}
    row = {"index": index, "image": image, "question": f"Question {index}?", **options, "answer": "C"}
    return {**row, "category": "color", "l2-category": "chart", **changed}


def cut_of(folder: Path, suite: str, *changes: str) -> Cut:
    return cut_for(f"benchmarks.suites=['{suite}']", f"benchmarks.folder='{folder}'", *changes)


def fix(cut: Cut) -> tuple[ArtifactRef, bool]:
    """The fixed suite, and whether it was fixed before."""
    check_suites(cut.settings.benchmarks)
    return perform(fix_suite, synthesis_inputs.suite(cut, cut.settings.benchmarks.suites[0]), worker_for(cut))


def fixed(cut: Cut) -> ArtifactRef:
    return fix(cut)[0]


def facts(ref: ArtifactRef) -> dict[str, Any]:
    return dict(open_store().manifest(ref).meta)


def images(ref: ArtifactRef, shard: int = 0) -> list[list[bytes]]:
    kept = ShardImages(open_store(), ref, shard)
    return [[kept.read(name) for name in row["images"]] for row in read_questions(open_store(), ref, shard)]


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_every_published_suite_is_fixed_from_a_tsv_file(tmp_path: Path, suite: Any) -> None:
    hallusion = suite.name == "HallusionBench"
    changed = {"answer": "No", **dict.fromkeys("ABCD", "")} if hallusion else {}
    data = [picture(0), picture(1, form="JPEG")]
    index = "VD_chart_x_0_{}_0" if hallusion else "{}"
    write_tsv(
        tmp_path / f"{suite.name}.tsv",
        [choice(index.format(number), text(one), **changed) for number, one in enumerate(data)],
    )
    ref = fixed(cut_of(tmp_path, suite.name.lower()))
    assert images(ref) == [[one] for one in data]
    assert facts(ref)["questions"] == 2
    assert facts(ref)["suite"] == suite.name
    assert [row["answer"] for row in read_questions(open_store(), ref, 0)] == ["no" if hallusion else "C"] * 2


HUB_ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "MMStar": ("mmstar.parquet", {"index": 0, "question": "Which?\nOptions: A: x, B: y", "category": "c"}),
    "RealWorldQA": ("data/test-00000-of-00002.parquet", {"question": "Which?\nA. x\nB. y"}),
    "MME-RealWorld": (
        "data/train-00000-of-00001.parquet",
        {"index": 1, "question": "Which?", "multi-choice options": ["(A) x", "(B) y"], "category": "Perception/OCR"},
    ),
    "BLINK": (
        "Art_Style/val-00000-of-00001.parquet",
        {"idx": "val_Art_Style_1", "question": "Which?", "choices": ["x", "y"], "sub_task": "Art_Style"},
    ),
    "Mantis-Eval": (
        "mantis_eval/test-00000-of-00001.parquet",
        {"id": "1", "question_type": "multi-choice", "question": "<image> Which?", "options": ["(A) x", "(B) y"]},
    ),
    "HallusionBench": (
        "data/image-00000-of-00001.parquet",
        {
            "category": "VS", "subcategory": "chart", "set_id": "0", "figure_id": "1", "question_id": "0",
            "question": "Is it?", "gt_answer": "0",
        },
    ),
    "CRPE_EXIST": ("exist/test.parquet", {"text": "Which?\nA. x\nB. y", "category": "exist", "correct_option": "B"}),
    "CRPE_RELATION": ("crpe_relation.parquet", {"text": "Which?\nA. x\nB. y", "category": "object",
                                                "correct_option": "B"}),
}  # fmt: skip


@pytest.mark.parametrize("name", HUB_ROWS)
def test_every_published_suite_is_fixed_from_its_parquet_files(tmp_path: Path, name: str) -> None:
    file, row = HUB_ROWS[name]
    struct = {"bytes": picture(3), "path": "3.png"}
    places: dict[str, Any] = {"MME-RealWorld": {"bytes": text(picture(3))}, "Mantis-Eval": {"images": [struct]}}
    places["BLINK"] = {"image_1": struct, "image_2": struct, "image_3": None, "image_4": None}
    places["MMStar"] = {"image": picture(3)}
    row = {"answer": "(B)", **row, **places.get(name, {"image": struct})}
    for path in (tmp_path / name / file, tmp_path / name / "other" / "readme.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / name / file)
    ref = fixed(cut_of(tmp_path, name))
    (question,) = read_questions(open_store(), ref, 0)
    assert question["answer"] == ("no" if name == "HallusionBench" else "B")
    assert images(ref) == [[picture(3)] * (2 if name == "BLINK" else 1)]


def test_a_row_may_refer_to_the_image_of_an_earlier_row_and_each_shard_stands_alone(tmp_path: Path) -> None:
    rows = [choice(1, text(picture(1))), choice(2, text(picture(2))), choice(3, "1"), choice(4, "[1, 2]")]
    write_tsv(tmp_path / "MMStar.tsv", rows)
    ref = fixed(cut_of(tmp_path, "MMStar", "benchmarks.shard_questions=2"))
    assert facts(ref)["shards"] == 2
    assert images(ref, 1) == [[picture(1)], [picture(1), picture(2)]]


def png_that_claims(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


ANIMATED = [Image.new("L", (9, 9), shade) for shade in (0, 255)]
BROKEN = [
    (choice("x", text(png_that_claims(60_000))), "too large"),
    (choice("x", text(b"no image at all, but long enough to look like one" * 2)), "not an image"),
    (choice("x", text(picture(1)[:150])), "truncated"),
    (choice("x", text(encoded(Image.new("RGB", (500, 1))))), "set aside: too narrow"),
    (choice("x", text(encoded(*ANIMATED))), "set aside: animated"),
    (choice("x", "?" * 80), "base64"),
    (choice("x", "nowhere"), "no index of a row with one"),
    (choice("x", text(picture(1)), answer="F"), "none of the options"),
    (choice("x", text(picture(1)), question=""), "question is empty"),
]


@pytest.mark.parametrize(("row", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_a_broken_row_is_counted_with_its_index_and_many_are_an_error(
    tmp_path: Path, row: dict[str, object], reason: str
) -> None:
    sound = [choice(number, text(picture(0))) for number in range(99)]
    write_tsv(tmp_path / "MMStar.tsv", [*sound, row])
    ref = fixed(cut_of(tmp_path, "MMStar"))
    ((index, said),) = facts(ref)["broken"].items()
    assert (index, facts(ref)["questions"]) == ("x (row 100)", 99)
    assert reason in said

    write_tsv(tmp_path / "MMStar.tsv", [*sound, row, row])
    with pytest.raises(SuiteError, match=f"2 of 101 rows are broken.*index x .row 100.*{reason}"):
        fixed(cut_of(tmp_path, "MMStar"))


def test_a_row_with_missing_columns_is_broken_and_one_without_an_image_is_counted(tmp_path: Path) -> None:
    write_tsv(tmp_path / "MMStar.tsv", [choice(number, text(picture(0))) for number in range(198)])
    with (tmp_path / "MMStar.tsv").open("a") as file:
        file.write("cut\toff\n")
        file.write("long" + "\t" * 20 + "\n")
        file.write("\t".join(map(str, choice("blind", "").values())) + "\n")
    ref = fixed(cut_of(tmp_path, "MMStar"))
    assert facts(ref)["broken"] == {
        "cut (row 199)": "line 200: it has fewer columns than the header, 2 of 10",
        "long (row 200)": "line 201: it has more columns than the header, 21 of 10",
    }
    assert (facts(ref)["questions"], facts(ref)["without_image"]) == (198, 1)


def test_a_limit_takes_the_first_rows_but_whole_circular_questions(tmp_path: Path) -> None:
    def turned(shift: int) -> dict[str, object]:
        colors = ["teal", "green", "red", "blue"]
        return dict(zip("ABCD", colors[shift:] + colors[:shift], strict=True))

    rows = [
        choice(number + 1000 * shift, text(picture(number)), question=f"Question {number}?", **turned(shift))
        for shift in range(4)
        for number in range(5)
    ]
    for name in ("MMStar", "CRPE_EXIST"):
        write_tsv(tmp_path / f"{name}.tsv", rows)
    plain = fixed(cut_of(tmp_path, "MMStar", "benchmarks.limit=2"))
    assert [row["index"] for row in read_questions(open_store(), plain, 0)] == ["0", "1"]
    circular = fixed(cut_of(tmp_path, "CRPE_EXIST", "benchmarks.limit=2"))
    taken = read_questions(open_store(), circular, 0)
    assert [row["index"] for row in taken] == ["0", "1", "1000", "1001", "2000", "2001", "3000", "3001"]
    assert facts(circular)["units"] == len({row["unit"] for row in taken}) == 2


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    write_tsv(tmp_path / "MMStar.tsv", [choice(1, text(picture(1)))])
    cut = cut_of(tmp_path, "MMStar")
    first, reused = fix(cut)
    assert not reused
    assert fix(cut) == (first, True)
    write_tsv(tmp_path / "MMStar.tsv", [choice(1, text(picture(2, 9)))])
    assert fixed(cut) != first


def test_a_large_file_is_never_whole_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the store holds in memory is some pieces, whatever the file's size: this file is large beside smaller ones.
    monkeypatch.setattr(blobs, "PIECE_BYTES", 2**20)
    rows, side = 100, 400
    write_tsv(tmp_path / "MMStar.tsv", [choice(number, text(picture(number, side))) for number in range(rows)])
    size = (tmp_path / "MMStar.tsv").stat().st_size
    cut = cut_of(tmp_path, "MMStar", "benchmarks.shard_questions=50")
    tracemalloc.start()
    try:
        ref = fixed(cut)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert facts(ref)["questions"] == rows
    assert size > 60_000_000
    assert peak < size / 3


@pytest.mark.parametrize(
    ("folder", "suite", "message"),
    [
        ("here", "MMStar", "has no files of MMStar. Expected MMStar.tsv"),
        ("here", "mmstr", "Did you mean 'MMStar'"),
        ("shapes:", "mmstar", "Unknown suite 'mmstar'"),
        ("shapes:others", "counting", "There are no suites 'shapes:others'"),
        ("shapes:", "countings", "Did you mean 'counting'"),
    ],
)
def test_what_is_not_there_is_said_before_any_work(tmp_path: Path, folder: str, suite: str, message: str) -> None:
    path = tmp_path if folder == "here" else Path(folder)
    with pytest.raises(SuiteError, match=message):
        check_suites(cut_of(path, suite).settings.benchmarks)


def test_a_tsv_file_without_a_column_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "MMStar.tsv").write_text("index\tpicture\tquestion\tanswer\n")
    with pytest.raises(SuiteError, match="lacks the column image"):
        check_suites(cut_of(tmp_path, "MMStar").settings.benchmarks)


def test_the_embedded_worlds_suites_are_fixed_by_the_same_code(tmp_path: Path) -> None:
    cut = cut_of(Path("shapes:"), "multi_image", "benchmarks.limit=5", "benchmarks.shard_questions=3")
    ref = fixed(cut)
    assert (facts(ref)["questions"], facts(ref)["shards"], facts(ref)["broken"]) == (5, 2, {})
    assert [len(one) for one in images(ref, 1)] == [2, 2]
