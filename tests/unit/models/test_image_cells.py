"""What stands in a row for its pictures, in every form that files are found in."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.suites.image_cells import image_cells, image_paths

DATA = bytes(range(256)) * 2  # has both digits in which the two alphabets of base64 differ
TEXT = base64.b64encode(DATA[:-1]).decode()  # ends in ==


def lines(text: str, width: int, end: str) -> str:
    return end.join(text[first : first + width] for first in range(0, len(text), width))


FORMS = {
    "plain": TEXT,
    "spaces around": f"  {TEXT}\t",
    "line feeds": lines(TEXT, 76, "\n"),
    "carriage returns and line feeds": lines(TEXT, 64, "\r\n") + "\r\n",
    "spaces within": lines(TEXT, 10, " "),
    "line feeds written as two characters": lines(TEXT, 76, "\\n"),
    "no padding": TEXT.rstrip("="),
    "padding alone on a line": TEXT.rstrip("=") + "\n==",
    "alphabet of addresses": base64.urlsafe_b64encode(DATA[:-1]).decode(),
    "alphabet of addresses without padding": base64.urlsafe_b64encode(DATA[:-1]).decode().rstrip("="),
    "data address": f"data:image/png;base64,{TEXT}",
    "data address with a parameter": f"DATA:image/jpeg;name=a.jpg;base64,{lines(TEXT, 76, chr(10))}",
}


@pytest.mark.parametrize("cell", FORMS.values(), ids=FORMS)
def test_base64_is_read_in_every_form(cell: str) -> None:
    assert image_cells({"image": cell}) == [DATA[:-1]]
    for many in (json.dumps([cell, cell]), str([cell, cell]), f"['{cell}', '{cell}']", [cell, {"bytes": DATA[:-1]}]):
        assert image_cells({"image": many}) == [DATA[:-1]] * 2


def test_json_may_escape_the_slash() -> None:
    assert image_cells({"image": json.dumps([TEXT]).replace("/", "\\/")}) == [DATA[:-1]]


@given(st.binary(min_size=60, max_size=200), st.integers(1, 4))
def test_images_survive_every_layout(data: bytes, count: int) -> None:
    text = base64.b64encode(data).decode()
    for cell in (text, [data], {"bytes": data}):
        assert image_cells({"image": cell}) == [data]
    for many in ([{"bytes": data}] * count, str([text] * count), json.dumps([text] * count)):
        assert image_cells({"image": many}) == [data] * count


@pytest.mark.parametrize("cell", ["", " ", None, float("nan"), [], [None], "[]"], ids=str)
def test_a_row_without_an_image_has_none(cell: Any) -> None:
    assert image_cells({"image": cell}) == image_cells({}) == []


@pytest.mark.parametrize(
    ("cell", "indices"),
    [("12", ["12"]), (" 12\n", ["12"]), (12, ["12"]), ("[1, 2]", ["1", "2"]), ("['VD_ocr_1']", ["VD_ocr_1"])],
)
def test_a_short_cell_is_the_index_of_another_row(cell: Any, indices: list[str]) -> None:
    assert image_cells({"image": cell}) == indices


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (b"x" * 51_000_000, "larger than 50,000,000 bytes"),
        ("?" * 80, "no base64 text"),
        ("\u00e9" * 80, "no base64 text"),
        ("A" * 81, "no base64 text"),
        (1.5, "an image is a float"),
        ({"bytes": None, "path": "a.png"}, "an image is a NoneType"),
    ],
    ids=["large", "marks", "letters", "one digit too many", "number", "no bytes"],
)
def test_what_is_no_image_is_named(cell: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_cells({"image": cell})


@pytest.mark.parametrize(
    ("cell", "paths"),
    [
        ("a/b.png", ["a/b.png"]),
        ("['a.png', \"it's.png\"]", ["a.png", "it's.png"]),
        ('["a b.png", "c,d.png"]', ["a b.png", "c,d.png"]),
        (["a.png"], ["a.png"]),
        ("a\\new.png", ["a\\new.png"]),
        ("", []),
        (None, []),
    ],
)
def test_paths_are_one_or_a_list(cell: Any, paths: list[str]) -> None:
    assert image_paths({"image_path": cell}) == paths
