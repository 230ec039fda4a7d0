"""Samples of a round with their pictures inline, for the report and the Prefect UI."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from storage.dataset_reports import Row
from tasks.step import open_store, read_json
from viper.records import ArtifactRef, Synthesis


@dataclass(frozen=True)
class Sample:
    """Two pictures as ``data:`` URIs, what was said, and what the filter decided."""

    left: str
    right: str
    text: str
    detail: str
    kept: bool
    reason: str


def data_uri(picture: bytes, kind: str = "image/png") -> str:
    """A picture as a ``data:`` URI."""
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"


def _entry_uri(ref: ArtifactRef, name: str) -> str:
    return data_uri(open_store().read(ref, name))


def sample_page(title: str, rows: Sequence[tuple[Row, list[bytes]]]) -> str:
    """A self-contained HTML page of rows of a dataset version, with their PNG pictures."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(loader=PackageLoader("tasks"), autoescape=True, undefined=StrictUndefined)
    shown = [(row, [data_uri(picture) for picture in pictures]) for row, pictures in rows]
    return page.get_template("sample.html.j2").render(title=title, rows=shown)


def _mixed(rows: dict[str, dict[str, object]], count: int) -> list[str]:
    """Names of ``count`` rows, two kept ones for each rejected one as far as there are."""
    kept = [name for name, row in sorted(rows.items()) if row["kept"]]
    rejected = [name for name, row in sorted(rows.items()) if not row["kept"]]
    wanted = min(len(rejected), max(count // 3, count - len(kept)))
    return kept[: count - wanted] + rejected[:wanted]


def caption_samples(made: Synthesis, count: int) -> list[Sample]:
    """Captions of the first shard with their paintings and critiques."""
    rows = read_json(made.refinements[0], "refinements.json")
    shard = made.shards[0]
    return [
        Sample(
            _entry_uri(shard.pool, f"{shard.number:04d}/{image}.png"),
            _entry_uri(made.paintings[0], f"{image}.png"),
            rows[image]["caption"],
            rows[image]["refinements"],
            rows[image]["kept"],
            rows[image]["reason"],
        )
        for image in _mixed(rows, count)
    ]


def edit_samples(made: Synthesis, count: int) -> list[Sample]:
    """Edits of the first shard with their operations."""
    rows = read_json(made.operations[0], "operations.json")
    shard = made.shards[0]
    return [
        Sample(
            _entry_uri(shard.pool, f"{shard.number:04d}/{row['image']}.png"),
            _entry_uri(made.edits[0], f"{name}.png"),
            " ".join(row["sentences"]),
            "",
            row["kept"],
            row["reason"],
        )
        for name, row in ((name, rows[name]) for name in _mixed(rows, count))
    ]
