"""Where a suite's pictures come from: rows that come later, and files beside the TSV file, never others."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from storage.files import read_under
from tests.unit.tasks.test_suites import choice, cut_of, facts, fix, fixed, images, picture, text, write_tsv
from viper.errors import SuiteError


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))


def test_a_row_may_show_the_images_of_a_later_row_and_the_order_stays(tmp_path: Path) -> None:
    # 1 shows those of 4, which shows those of 2 and 3: the rows between wait for them.
    rows = [choice(1, "4"), choice(2, text(picture(2))), choice(3, text(picture(3))), choice(4, "[3, 2]")]
    write_tsv(tmp_path / "MMStar.tsv", [*rows, choice(5, "[6, 4]"), choice(6, text(picture(6)))])
    for limit in (0, 1):
        ref = fixed(cut_of(tmp_path, "MMStar", f"benchmarks.limit={limit}"))
        both = [picture(3), picture(2)]
        shown = [both, [picture(2)], [picture(3)], both, [picture(6), *both], [picture(6)]]
        assert images(ref) == shown[: limit or None]


def test_rows_that_name_rows_that_name_rows_take_no_time(tmp_path: Path) -> None:
    forward = [choice(number, str(number + 1)) for number in range(300)]
    backward = [choice(number, str(number - 1)) for number in range(10_001, 10_300)]
    doubling = [choice(number, f"[{number - 1}, {number - 1}]") for number in range(20_001, 20_030)]
    held = [choice(number, text(picture(number))) for number in (300, 10_000, 20_000)]
    sound = [choice(number, "10000") for number in range(30_000, 63_000)]
    write_tsv(tmp_path / "MMStar.tsv", [*forward, held[0], held[1], *backward, held[2], *doubling, *sound])
    ref = fixed(cut_of(tmp_path, "MMStar"))
    broken = facts(ref)["broken"]
    # VLMEvalKit takes no row before the last one of a chain that leads forward either.
    assert "the image '1' is no" in broken["0 (row 1)"]
    assert "299 (row 300)" not in broken
    assert broken["20010 (row 612)"] == "it has more than 1,000 images"
    assert len(broken) == 299 + 20
    assert images(ref)[2] == [picture(10_000)]


def test_a_broken_question_may_still_hold_the_image_of_others(tmp_path: Path) -> None:
    rows = [choice(number, "0") for number in range(1, 120)]
    write_tsv(tmp_path / "MMStar.tsv", [*rows, choice(0, text(picture(0)), answer="F")])
    ref = fixed(cut_of(tmp_path, "MMStar"))
    assert (facts(ref)["questions"], list(facts(ref)["broken"])) == (119, ["0 (row 120)"])
    assert images(ref)[0] == [picture(0)]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ([choice("x", "y"), choice("y", "x")], {"x (row 200)": "the image 'y' is", "y (row 201)": "the image 'x' is"}),
        ([choice("x", "x")], {"x (row 200)": "the image 'x' is"}),
        ([choice("x", "y"), choice("y", "")], {"x (row 200)": "no index of a row with one"}),
        ([choice(7, text(picture(1)))], {"7 (row 200)": "row 8 has the same index"}),
        ([choice("", text(picture(1)))], {" (row 200)": "the index is empty"}),
    ],
    ids=["circle", "itself", "a row without one", "same index", "no index"],
)
def test_rows_that_name_no_image_or_another_rows_index_are_named(
    tmp_path: Path, more: list[dict[str, object]], named: dict[str, str]
) -> None:
    sound = [choice(number, text(picture(0))) for number in range(199)]
    write_tsv(tmp_path / "MMStar.tsv", [*sound, *more])
    ref = fixed(cut_of(tmp_path, "MMStar"))
    broken = facts(ref)["broken"]
    assert (facts(ref)["questions"], list(broken)) == (199, list(named))
    for place, reason in named.items():
        assert reason in broken[place]


def test_an_unclosed_mark_costs_one_row_of_a_suite(tmp_path: Path) -> None:
    write_tsv(tmp_path / "MMStar.tsv", [choice(number, text(picture(number % 3))) for number in range(150)])
    path = tmp_path / "MMStar.tsv"
    path.write_text(path.read_text().replace("Question 40?", '"Question 40?'))
    ref = fixed(cut_of(tmp_path, "MMStar"))
    ((place, reason),) = facts(ref)["broken"].items()
    assert (place, facts(ref)["questions"]) == ("40 (row 41)", 149)
    assert reason == "line 42: it opens a quotation mark and does not close it"


def by_path(index: int, path: str) -> dict[str, object]:
    row: dict[str, Any] = choice(index, "")
    del row["image"]
    return {**row, "image_path": path}


def test_pictures_are_read_from_beside_the_file_or_from_vlmevalkits_folder(tmp_path: Path) -> None:
    for number, place in enumerate(("a.png", "deep/er/b.png", "images/CRPE_EXIST/coco/c.png")):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(picture(number))
    paths = ["a.png", "./deep/er/b.png", "coco/c.png", "['a.png', 'coco/c.png']"]
    write_tsv(tmp_path / "CRPE_EXIST.tsv", [by_path(number, path) for number, path in enumerate(paths)])
    cut = cut_of(tmp_path, "CRPE_EXIST")
    ref = fixed(cut)
    assert images(ref) == [[picture(0)], [picture(1)], [picture(2)], [picture(0), picture(2)]]
    assert fix(cut) == (ref, True)
    (tmp_path / "a.png").write_bytes(picture(9))
    assert images(fixed(cut))[0] == [picture(9)]


def test_a_picture_may_lie_anywhere_and_a_changed_one_is_seen(tmp_path: Path) -> None:
    paths = ["a.jfif", "b.JPG", "other.png::a.jfif", "images/Another/c.png"]
    for number, path in enumerate(paths):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(picture(number))
    write_tsv(tmp_path / "CRPE_EXIST.tsv", [by_path(number, path) for number, path in enumerate(paths)])
    cut = cut_of(tmp_path, "CRPE_EXIST")
    assert images(fixed(cut)) == [[picture(number)] for number in range(4)]
    for number, path in enumerate(paths):
        (tmp_path / path).write_bytes(picture(number + 10))
        assert images(fixed(cut))[number] == [picture(number + 10)], path


def test_other_pictures_beside_a_file_that_holds_its_own_change_nothing(tmp_path: Path) -> None:
    write_tsv(tmp_path / "MMStar.tsv", [{**choice(1, text(picture(1))), "image_path": "../x.png"}])
    first = fixed(cut_of(tmp_path, "MMStar"))
    (tmp_path / "x.png").write_bytes(picture(2))
    assert fix(cut_of(tmp_path, "MMStar")) == (first, True)
    assert images(first) == [[picture(1)]]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.png", "leads out of"),
        ("deep/../../secret.png", "leads out of"),
        ("/etc/hostname.png", "leads out of"),
        ("link.png", "leads out of"),
        ("linked/secret.png", "leads out of"),
        ("missing.png", "there is no picture 'missing.png'"),
        ("deep", "has none of the names .png, .jpg"),
        ("notes.txt", "has none of the names .png, .jpg"),
        ("folder.png", "there is no picture 'folder.png'"),
        ("pipe.png", "there is no picture 'pipe.png'"),
        ("a.png/b.png", "there is no picture"),
        ("a.png::b.png", "there is no picture"),
        ("loop.png", "there is no picture"),
        ("loop.png/b.png", "there is no picture"),
        ("socket.png", "there is no picture"),
        ("x" * 300 + ".png", "there is no picture"),
        ("deep/" * 2000 + "a.png", "there is no picture"),
        (".hidden/a.png", "is hidden"),
        ("deep/.a.png", "is hidden"),
        ("https://example.org/a.png", "there is no picture"),
    ],
)
def test_a_path_that_leads_out_of_the_folder_or_to_no_file_is_named(tmp_path: Path, path: str, reason: str) -> None:
    folder = tmp_path / "suites"
    (folder / "deep").mkdir(parents=True)
    (folder / "folder.png").mkdir()
    (folder / "notes.txt").write_bytes(picture(0))
    (folder / "a.png").write_bytes(picture(0))
    (tmp_path / "secret.png").write_bytes(picture(1))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    os.mkfifo(folder / "pipe.png")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(os.path.relpath(folder / "socket.png"))
    listening.close()
    rows = [by_path(number, "a.png") for number in range(99)]
    write_tsv(folder / "CRPE_EXIST.tsv", [*rows, by_path(99, path)])
    ref = fixed(cut_of(folder, "CRPE_EXIST"))
    ((place, said),) = facts(ref)["broken"].items()
    assert (place, facts(ref)["questions"]) == ("99 (row 100)", 99)
    assert reason in said


def test_a_file_by_path_without_any_picture_is_refused(tmp_path: Path) -> None:
    write_tsv(tmp_path / "CRPE_EXIST.tsv", [by_path(1, "a.png")])
    with pytest.raises(SuiteError, match=r"1 of 1 rows are broken.*no picture 'a.png'"):
        fixed(cut_of(tmp_path, "CRPE_EXIST"))


def test_of_a_large_file_just_enough_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 100)
    assert read_under(str(tmp_path), "a.png", 10) == b"x" * 11
