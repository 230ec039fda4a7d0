"""Rows of suites in both layouts, and how a suite reads them."""

import base64
import csv
import io
from collections.abc import Sequence
from typing import Any

import pyarrow
import pyarrow.parquet
from PIL import Image

from models.suites.image_cells import image_cells
from models.suites.reading import read_parquet
from models.suites.suite import Question, Suite
from models.suites.tsv import read_tsv


def png(color: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(buffer, "PNG")
    return buffer.getvalue()


def encoded(color: str = "red") -> str:
    return base64.b64encode(png(color)).decode()


def struct(color: str = "red") -> dict[str, Any]:
    return {"bytes": png(color), "path": f"{color}.png"}


def tsv(rows: Sequence[dict[str, object]]) -> io.StringIO:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return io.StringIO(text.getvalue())


def parquet(rows: list[dict[str, Any]]) -> io.BytesIO:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    file.seek(0)
    return file


def from_tsv(suite: Suite, rows: Sequence[dict[str, object]]) -> list[Question]:
    return [suite.question(row) for row in read_tsv(tsv(rows), "file.tsv", suite.columns)]


def from_hub(suite: Suite, rows: list[dict[str, Any]]) -> list[tuple[Question, list[str | bytes]]]:
    laid = [
        suite.from_hub(row, number)
        for number, row in enumerate(read_parquet(parquet(rows), "file.parquet", suite.hub_columns))
    ]
    return [(suite.question(row), image_cells(row)) for row in laid]


COLORS = {"A": "teal", "B": "green", "C": "red", "D": "blue"}
CHOICE = {"index": 7, "image": encoded(), "question": "Which color?", **COLORS, "answer": "C", "category": "color"}
ASKED = """Question: Which color?
Options:
A. teal
B. green
C. red
D. blue
Please select the correct answer from the options above."""
