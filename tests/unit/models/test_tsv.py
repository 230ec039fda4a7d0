"""TSV files as people really have them: broken rows are named one by one, and the rows after them are read."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.suites import tsv as module
from models.suites.reading import BROKEN
from models.suites.tsv import read_header, read_tsv
from tests.unit.models.suite_rows import tsv
from viper.errors import SuiteError

COLUMNS = ("index", "question", "answer")


def rows(text: str, columns: Sequence[str] = COLUMNS) -> list[Mapping[str, Any]]:
    return list(read_tsv(io.StringIO(text, newline=""), "my.tsv", columns))


def told(text: str) -> list[tuple[str, str]]:
    """Index and question of each row, or index and why it is broken."""
    return [(row["index"], row.get(BROKEN) or row["question"]) for row in rows(text)]


def file(*lines: str, end: str = "\n") -> str:
    return "".join(line + end for line in ("index\tquestion\tanswer", *lines))


cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_what_is_written_as_tsv_is_read_back(written: list[tuple[str, str]]) -> None:
    expected: list[dict[str, object]] = [{"index": index, "question": question} for index, question in written]
    assert list(read_tsv(tsv(expected), "file", ("index",))) == expected


fields = st.one_of(
    st.text(st.sampled_from(["a", '"', "\n", " ", "é", "'"]), min_size=1, max_size=8),
    st.text(st.sampled_from(["a", '"', "\t", " "]), min_size=1, max_size=8),
)


@given(st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=6))
def test_whatever_pandas_writes_is_read_as_pandas_wrote_it(written: list[tuple[str, str, str]]) -> None:
    numbered = [(f"i{number}{first}", *others) for number, (first, *others) in enumerate(written)]
    text = pd.DataFrame(numbered, columns=list(COLUMNS)).to_csv(sep="\t", index=False, lineterminator="\n")
    assert [tuple(row.get(column) for column in COLUMNS) for row in rows(text)] == numbered


UNCLOSED = "a quotation mark and does not close it"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # An unclosed mark, whatever the rows after it look like.
        (['1\t"Which?\tA', "2\tWhere?\tB", "3\tWho?\tC"], {"1": UNCLOSED, "2": "Where?", "3": "Who?"}),
        (['1\t"Which?\tA', '2\t"Say ""hi"" now"\tB', "3\tWho?\tC"], {"1": UNCLOSED, "2": 'Say "hi" now', "3": "Who?"}),
        (['1\t"Which?\tA', '2\tA 24" one?\tB', "3\tWho?\tC"], {"1": UNCLOSED, "2": 'A 24" one?', "3": "Who?"}),
        (['1\t"Which?\tA', '2\tHow big is 24"\tB', "3\tWho?\tC"], {"1": UNCLOSED, "2": 'How big is 24"', "3": "Who?"}),
        (['1\tWhich?\t"A', "2\tWhere?\tB", '3\tWho?\t"C"'], {"1": UNCLOSED, "2": "Where?", "3": "Who?"}),
        (['1\t"Which?\tA', '2\t"Where?\tB', "3\tWho?\tC"], {"1": UNCLOSED, "2": UNCLOSED, "3": "Who?"}),
        (['1\t"Wh', "2\tWhere?\tB"], {"1": UNCLOSED, "2": "Where?"}),
        (['1\t"Wh', "2\tWhere?\tB", '3\tHow big is 24"\tB'], {"1": UNCLOSED, "2": "Where?", "3": 'How big is 24"'}),
        (['"1\tWhich?\tA', "2\tWhere?\tB"], {"1": UNCLOSED, "2": "Where?"}),
        (["1\tWhich?\tA", '2\t"Where?\tB'], {"1": "Which?", "2": UNCLOSED}),
        # Rightly quoted cells over several lines, in the middle, at the end and at the beginning of a row.
        (['1\t"Which\nof\nthem?"\tA', "2\tWhere?\tB"], {"1": "Which\nof\nthem?", "2": "Where?"}),
        (['1\t"a\n\nb\t""c"""\tA', "2\tWhere?\tB"], {"1": 'a\n\nb\t"c"', "2": "Where?"}),
        (['1\tWhich?\t"A\nor B"', "2\tWhere?\tB"], {"1": "Which?", "2": "Where?"}),
        (['"1\nx"\tWhich?\tA', "2\tWhere?\tB"], {"1\nx": "Which?", "2": "Where?"}),
        # Marks within a cell, and one that is closed too early, as pandas reads them.
        (['1\tSay "hi"\tA', '2\t"Stop" is where?\tB'], {"1": 'Say "hi"', "2": "Stop is where?"}),
        # Other broken rows.
        (["1\tWhich?", "2\tWhere?\tB\tC", "3\tWho?\tC"], {"1": "fewer", "2": "more", "3": "Who?"}),
        (["1\tWh\0ich?\tA", "2\tWhere?\tB"], {"1": "NUL", "2": "Where?"}),
        (["", "1\tWhich?\tA", "", "2\tWhere?\tB", ""], {"1": "Which?", "2": "Where?"}),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_broken_row_is_one_and_the_others_are_read(lines: list[str], expected: dict[str, str], end: str) -> None:
    found = told(file(*(line.replace("\n", end) for line in lines), end=end))
    expected = {index.replace("\n", end): said.replace("\n", end) for index, said in expected.items()}
    assert [index for index, _ in found] == list(expected)
    for (index, said), wanted in zip(found, expected.values(), strict=True):
        assert wanted in said, index


def test_a_broken_row_names_its_line() -> None:
    first, second, third = told(file('1\t"two\nlines"\tA', '2\t"open\tB', "3\tWho?\tC"))
    assert second == ("2", "line 4: it opens a quotation mark and does not close it")
    assert (first[0], third) == ("1", ("3", "Who?"))


def test_a_thousand_rows_after_an_unclosed_mark_are_kept_and_looked_at_once_more_at_most() -> None:
    lines = [f"{number}\tWhich?\tA" for number in range(1000)]
    lines[0] = '0\t"Which?\tA'
    found = told(file(*lines))
    assert [said for _, said in found[1:]] == ["Which?"] * 999
    assert UNCLOSED in found[0][1]


@pytest.mark.parametrize(
    "line",
    ['a"\t"c', 'a"\t"c\td', '1\t"', '1\t"a""', 'a""\t"""c', '1\tx\t"', '"', '"""', 'a"\t"c\t""', '1\t"x\t"y\t"'],
    ids=repr,
)
def test_no_line_is_read_for_more_rows_than_there_are_columns(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0
    following = module._Lines.next

    def counted(lines: module._Lines) -> module._Line | None:
        nonlocal looked_at
        looked_at += 1
        return following(lines)

    monkeypatch.setattr(module._Lines, "next", counted)
    assert told(file(*[line] * 3000))
    assert looked_at <= 3000 * (len(COLUMNS) + 2)


def test_bytes_that_are_no_utf_8_break_their_row_alone() -> None:
    data = "index\tquestion\tanswer\n1\tWhich caf\u00e9?\tA\n2\tWhere?\tB\n3\tO\u00f9?\tC\n"
    mixed = data.encode().replace("caf\u00e9".encode(), "caf\u00e9".encode("latin-1"))
    text = io.TextIOWrapper(io.BytesIO(mixed), encoding="utf-8-sig", errors="surrogateescape", newline="")
    found = list(read_tsv(text, "my.tsv", COLUMNS))
    assert found[0][BROKEN] == "line 2: it is not UTF-8"
    assert [row["question"] for row in found[1:]] == ["Where?", "O\u00f9?"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_file_in_another_encoding_is_refused(encoding: str) -> None:
    data = file("1\tWhich?\tA").encode(encoding)
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="surrogateescape", newline="")
    with pytest.raises(SuiteError, match="does not begin with the names of columns"):
        list(read_tsv(text, "my.tsv", COLUMNS))


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert told("\ufeff" + file("1\tWhich?\tA")) == [("1", "Which?")]
    assert read_header(io.StringIO("\ufeff" + file()), "my.tsv", COLUMNS) == list(COLUMNS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the columns index, question, answer. Found: nothing"),
        ("index,question,answer\n", "lacks the columns index, question, answer. Found: index,question,answer"),
        ("index\tquestion\n", "lacks the column answer. Found: index, question"),
        ("index\tquestion\tanswer\tquestion\n", "has the column question more than once"),
        ('"index\tquestion\tanswer\n', "does not begin with the names of columns"),
    ],
)
def test_a_file_without_the_columns_is_refused(text: str, message: str) -> None:
    with pytest.raises(SuiteError, match=f"my.tsv {message}"):
        rows(text)


def test_pictures_by_path_may_stand_in_the_place_of_pictures() -> None:
    text = "index\timage_path\n1\ta.png\n"
    assert rows(text, ("index", "image")) == [{"index": "1", "image_path": "a.png"}]
    with pytest.raises(SuiteError, match="lacks the column image_path"):
        rows("index\tpath\n1\ta.png\n", ("index", "image_path"))


def test_a_row_that_is_too_long_is_broken_and_never_whole_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROW_CHARACTERS", 1000)
    csv_limit = csv.field_size_limit()
    long = "x" * 5000
    found = told(file(f"1\t{long}\tA", "2\tWhere?\tB", f'3\t"{long[:600]}\n{long[:600]}"\tB', "4\tWho?\tC"))
    assert found[0] == ("1", "line 2: it is longer than 1,000 characters")
    assert found[1] == ("2", "Where?")
    assert found[-1] == ("4", "Who?")
    assert csv.field_size_limit() == csv_limit  # it is the whole process's
    assert all("Who?" not in said for index, said in found if index != "4")
