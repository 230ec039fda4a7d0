"""Samples of a round with their pictures inline, for the report and the Prefect UI."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.payloads import Operations, Refinement, Refinements
from models.sentences import split_sentences
from models.unread import NOT_PAINTED
from storage.dataset_reports import Row
from storage.objects import ObjectStore
from tasks.html import render
from tasks.shards import PNG, read_payload
from viper.records import ArtifactRef, Synthesis

SMALLEST_PX, LARGEST_PX = 144, 320
"""Sides of the pictures on pages: smaller ones are enlarged by whole numbers, larger ones reduced."""


@dataclass(frozen=True)
class Said:
    """A correction or an operation, and whether it stands."""

    text: str
    kept: bool
    why: str = ""
    """What its paintings say, in a few words."""
    judged: bool = True
    """Whether its paintings say anything."""

    @property
    def mark(self) -> str:
        """Stands at the sentence."""
        if not self.judged:
            return "–"
        return "✓" if self.kept else "✗"


@dataclass(frozen=True)
class Sample:
    """Two pictures as ``data:`` URIs, what was said, and what the filter decided."""

    left: str
    right: str
    made: str
    """What the right picture is."""
    text: str
    """The caption that was painted; empty for an edit."""
    sentences: tuple[Said, ...]
    """Refinements of the caption, each decided on by itself, or operations, which are decided on together."""
    kept: bool
    reason: str
    gain: float = 0.0
    """How much closer the corrections came where they speak, in units of noise; 0 where none was painted."""

    @property
    def decision(self) -> str:
        """What the filter decided, and why, in words."""
        said = "accepted" if self.kept else "not judged" if self.reason == NOT_PAINTED else "rejected"
        reason = said if self.reason == said else f"{said}: {self.reason}"
        if not self.gain:
            return reason
        return f"{reason}; {_in_noise(self.gain)}"


def _in_noise(gain: float) -> str:
    return f"{'closer' if gain > 0 else 'farther'} by {abs(gain):.1f} times the painter's noise"


def _said(row: Refinement) -> tuple[Said, ...]:
    """What was said of an image, what stands first, or what the row says where nothing was judged by itself."""
    if not row.verdicts:
        return tuple(Said(one, row.kept) for one in split_sentences(row.refinements))
    judged = sorted(row.verdicts.items(), key=lambda one: (not one[1].kept, -one[1].gain, one[0]))
    return tuple(
        Said(
            text,
            one.kept,
            f"{one.reason}, said {one.samples} x" + (f", {_in_noise(one.gain)}" if one.gain else ""),
            one.reason != NOT_PAINTED,
        )
        for text, one in judged
    )


def data_uri(picture: bytes, kind: str = "image/png") -> str:
    """A picture as a ``data:`` URI."""
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"


def _picture_uri(store: ObjectStore, ref: ArtifactRef, name: str) -> str:
    return shown(store.read(ref, f"{name}{PNG}"))


def shown(picture: bytes) -> str:
    """A picture as a ``data:`` URI, at a size that is seen on a page and sent in an instant."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    buffer, largest = io.BytesIO(), max(image.size)
    if largest > LARGEST_PX:
        image.thumbnail((LARGEST_PX, LARGEST_PX))
        image.save(buffer, "JPEG", quality=85)
        return data_uri(buffer.getvalue(), "image/jpeg")
    factor = -(-SMALLEST_PX // largest)
    image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(buffer, "PNG")
    return data_uri(buffer.getvalue())


def sample_page(title: str, rows: Sequence[tuple[Row, list[bytes]]]) -> str:
    """A self-contained HTML page of rows of a dataset version, with their PNG pictures."""
    shown = [(row, [data_uri(picture) for picture in pictures]) for row, pictures in rows]
    return render("sample.html.j2", title=title, rows=shown)


def _mixed(kept_rows: Mapping[str, bool], count: int) -> list[str]:
    """Names of ``count`` rows, two kept ones for each rejected one as far as there are."""
    kept = [name for name, is_kept in sorted(kept_rows.items()) if is_kept]
    rejected = [name for name, is_kept in sorted(kept_rows.items()) if not is_kept]
    wanted = min(len(rejected), max(count // 3, count - len(kept)))
    return kept[: count - wanted] + rejected[:wanted]


def caption_samples(store: ObjectStore, made: Synthesis, count: int) -> list[Sample]:
    """Captions of the first shard with their paintings and critiques."""
    rows = read_payload(store, made.products["refinements"][0], Refinements).root
    return [
        Sample(
            _picture_uri(store, made.shards[0].pool, image),
            _picture_uri(store, made.products["paintings"][0], image),
            "painting of the caption",
            rows[image].caption,
            _said(rows[image]),
            rows[image].kept,
            rows[image].reason,
            rows[image].gain,
        )
        for image in _mixed({image: row.kept for image, row in rows.items()}, count)
    ]


def edit_samples(store: ObjectStore, made: Synthesis, count: int) -> list[Sample]:
    """Edits of the first shard with their operations."""
    rows = read_payload(store, made.products["operations"][0], Operations).root
    return [
        Sample(
            _picture_uri(store, made.shards[0].pool, rows[name].image),
            _picture_uri(store, made.products["edits"][0], name),
            "edited",
            "",
            (
                *(Said(one, rows[name].kept) for one in rows[name].sentences),
                *(Said(one, False, "without effect, left out") for one in rows[name].idle),
            ),
            rows[name].kept,
            rows[name].reason,
        )
        for name in _mixed({name: row.kept for name, row in rows.items()}, count)
    ]
