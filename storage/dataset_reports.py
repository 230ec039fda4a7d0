"""Looks into dataset versions: which there are, what is in one, how two differ, and copies for other tools."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.datasets import IMAGES
from storage.layout import evolution_prefix, evolutions_prefix, parse_dataset_key
from storage.objects import ObjectStore
from viper.errors import StoreError
from viper.progress import tell
from viper.records import ArtifactRef


@dataclass(frozen=True)
class Version:
    """One dataset version."""

    ref: ArtifactRef
    evolution: str
    round_number: int
    lesson: str
    rows: int


@dataclass(frozen=True)
class Row:
    """A row without its pictures."""

    id: str
    prompt: str
    truth: tuple[str, ...]
    meta: dict[str, Any]
    images_sha256: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """How the second of two versions differs from the first."""

    added: tuple[str, ...]
    """Ids of rows, sorted."""
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Ids of rows with other pictures, another prompt or another ground truth."""
    figures: dict[str, tuple[float, float]]
    """First and second value of: ``rows``, ``sentences a row``, ``words a sentence``, ``share of <operation type or
    reason>`` among the rows, ``yield of <reason>`` among what the filter saw."""


def list_versions(store: ObjectStore, evolution: str = "") -> list[Version]:
    """All dataset versions, of one evolution if it is named, in order of their keys."""
    found = []
    for key in store.list(evolution_prefix(evolution) if evolution else evolutions_prefix()):
        parts = parse_dataset_key(key)
        ref = store.find(key) if parts else None
        if parts and ref:
            found.append(Version(ref, *parts, rows=int(_counts(store, ref)["rows"])))
    return found


def find_version(store: ObjectStore, name: str) -> ArtifactRef:
    """The version with this key, or with a SHA-256 that begins so.

    Raises:
        StoreError: There is none, or several.
    """
    ref = store.find(name) if "/" in name else None
    if ref is not None and ref.kind == "dataset":
        return ref
    matching = [one.ref for one in list_versions(store) if one.ref.sha256.startswith(name) or one.ref.uri == name]
    if len(matching) != 1:
        raise StoreError(
            f"{len(matching)} dataset versions are named {name!r}. Expected a key or the beginning of a SHA-256, as "
            "`viper data list` shows them."
        )
    return matching[0]


def read_rows(store: ObjectStore, ref: ArtifactRef) -> Iterator[Row]:
    """The rows in order; pictures are hashed, not decoded."""
    yield from map(_row, _raw_rows(store, ref))


def compare_versions(store: ObjectStore, first: ArtifactRef, second: ArtifactRef) -> Change:
    """What became of the first version's rows, and how the figures moved."""
    one, two = ({row.id: row for row in read_rows(store, ref)} for ref in (first, second))

    def content(row: Row) -> tuple[object, ...]:
        return row.images_sha256, row.prompt, row.truth

    before, after = _figures(store, first, list(one.values())), _figures(store, second, list(two.values()))
    return Change(
        added=tuple(sorted(two.keys() - one.keys())),
        removed=tuple(sorted(one.keys() - two.keys())),
        changed=tuple(sorted(name for name in one.keys() & two.keys() if content(one[name]) != content(two[name]))),
        figures={name: (before.get(name, 0.0), after.get(name, 0.0)) for name in sorted(before.keys() | after.keys())},
    )


def export_folder(store: ObjectStore, ref: ArtifactRef, folder: Path) -> None:
    """Write a dataset folder as on the hub, with all images in its rows.

    Raises:
        StoreError: The folder holds something already.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    _check_new(folder)
    store.download(ref, folder)
    if not (folder / IMAGES).is_dir():
        return
    paths = sorted((folder / "data").glob("*.parquet"))
    for number, path in enumerate(paths, 1):
        source, whole = parquet.ParquetFile(path), path.with_suffix(".whole")
        with parquet.ParquetWriter(whole, source.schema_arrow, compression="snappy") as writer:
            for group in range(source.num_row_groups):
                rows = source.read_row_group(group).to_pylist()
                for image in (image for row in rows for image in row["images"] if image["path"]):
                    image |= {"bytes": (folder / image["path"]).read_bytes(), "path": None}
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=source.schema_arrow))
        os.replace(whole, path)
        tell(number, len(paths))
    shutil.rmtree(folder / IMAGES)


def export_jsonl(store: ObjectStore, ref: ArtifactRef, folder: Path) -> int:
    """Write ``rows.jsonl`` and ``images/<id>-<number>.png``, and return the number of rows.

    Raises:
        StoreError: The folder holds something already.
    """
    _check_new(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    count, total = 0, int(_counts(store, ref)["rows"])
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for raw in _raw_rows(store, ref):
            names = [f"images/{raw['id']}-{number}.png" for number in range(len(raw["images"]))]
            for name, image in zip(names, raw["images"], strict=True):
                (folder / name).write_bytes(image)
            line = {**raw, "images": names, "meta": json.loads(raw["meta"])}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
            tell(count, total)
    return count


def _check_new(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder} is not empty. Name a new folder.")


def sample_rows(store: ObjectStore, ref: ArtifactRef, count: int) -> list[tuple[Row, list[bytes]]]:
    """``count`` rows spread evenly over the version, with their pictures' PNG bytes."""
    rows = list(_raw_rows(store, ref))
    chosen = [rows[i * len(rows) // min(count, len(rows))] for i in range(min(count, len(rows)))]
    return [(_row(raw), raw["images"]) for raw in chosen]


def _raw_rows(store: ObjectStore, ref: ArtifactRef) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet as parquet

    for name in sorted(store.manifest(ref).entries):
        if name.endswith(".parquet"):
            file = parquet.ParquetFile(pyarrow.BufferReader(store.read(ref, name)))
            for batch in file.iter_batches():
                for raw in batch.to_pylist():
                    images = [image["bytes"] or store.read(ref, image["path"]) for image in raw["images"]]
                    yield {**raw, "images": images}


def _row(raw: dict[str, Any]) -> Row:
    hashes = tuple(hashlib.sha256(image).hexdigest() for image in raw["images"])
    return Row(raw["id"], raw["prompt"], tuple(raw["truth"]), json.loads(raw["meta"]), hashes)


def _counts(store: ObjectStore, ref: ArtifactRef) -> dict[str, Any]:
    counts = store.manifest(ref).meta.get("counts")
    if not isinstance(counts, dict):
        raise StoreError(f"{ref.uri!r} is no dataset version, but {ref.kind!r}.")
    return counts


def _figures(store: ObjectStore, ref: ArtifactRef, rows: list[Row]) -> dict[str, float]:
    sentences = [sentence for row in rows for sentence in row.truth]
    figures = {
        "rows": float(len(rows)),
        "sentences a row": len(sentences) / len(rows),
        "words a sentence": sum(len(sentence.split()) for sentence in sentences) / len(sentences),
    }
    kinds = Counter(kind for row in rows for kind in row.meta.get("kinds", [row.meta.get("reason", "unknown")]))
    figures |= {f"share of {kind}": count / kinds.total() for kind, count in kinds.items()}
    lineage = store.manifest(ref).meta.get("lineage")
    reasons = lineage.get("reasons") if isinstance(lineage, dict) else None
    if isinstance(reasons, dict):
        seen = sum(int(str(count)) for count in reasons.values())
        figures |= {f"yield of {reason}": int(str(count)) / seen for reason, count in reasons.items()}
    return figures
