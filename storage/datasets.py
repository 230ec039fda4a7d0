"""Dataset versions: immutable parquet shards with embedded images, a dataset card, and where every row came from.

A downloaded version is an ordinary Hugging Face dataset folder: ``datasets.load_dataset(folder)`` and
``pandas.read_parquet(folder / "data" / …)`` read it as it is. The same rows give the same bytes, hence the same hash.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from storage.manifest import canonical_json
from storage.objects import ObjectStore
from viper.errors import StoreError
from viper.records import ArtifactRef

if TYPE_CHECKING:
    from datasets import Dataset

COLUMNS = ("id", "images", "prompt", "truth", "meta")
ROWS_PER_GROUP = 100
SHARD_BYTES = 256 * 2**20


def write_dataset(
    store: ObjectStore, key: str, rows: Iterable[Mapping[str, Any]], lineage: Mapping[str, JsonValue]
) -> ArtifactRef:
    """Store a dataset version, or find the one that was stored under ``key`` first.

    Args:
        store: Where to store it.
        key: ``storage.layout.dataset_key``.
        rows: One mapping a row: ``id`` (str, unique), ``images`` (list of PNG bytes, in the order of the prompt),
            ``prompt`` (str), ``truth`` (list of ground-truth sentences), ``meta`` (JSON text). Read once; a group of
            100 is in memory at a time.
        lineage: Parent version, round, models and revisions, settings hash, code version, counts by rejection reason.

    Raises:
        StoreError: If there are no rows, a row has other columns, or an id comes twice.
    """
    with tempfile.TemporaryDirectory(prefix="viper-dataset-") as folder:
        shards, counts = _write_shards(rows, Path(folder), key)
        entries: dict[str, bytes | Path] = {
            f"data/train-{number:05d}-of-{len(shards):05d}.parquet": shard for number, shard in enumerate(shards)
        }
        entries["README.md"] = _card(lineage, counts).encode()
        meta: dict[str, JsonValue] = {"lineage": dict(lineage), "counts": dict(counts)}
        return store.commit(key, "dataset", entries, meta)


def read_dataset(store: ObjectStore, ref: ArtifactRef, cache_dir: Path) -> "Dataset":
    """The version's rows, with ``images`` decoded to PIL images on access.

    Args:
        store: Where it is stored.
        ref: The version.
        cache_dir: Local folder for the shards and their memory-mapped form; versions do not disturb each other in it.

    Raises:
        CorruptArtifact: If its bytes are missing or damaged.
    """
    from datasets import load_dataset

    folder = store.download(ref, cache_dir / "versions" / ref.sha256)
    shards = sorted(str(path) for path in (folder / "data").glob("*.parquet"))
    return load_dataset("parquet", data_files={"train": shards}, split="train", cache_dir=str(cache_dir / "arrow"))


def lineage(store: ObjectStore, ref: ArtifactRef) -> dict[str, JsonValue]:
    """What the version was made from, as it was given to ``write_dataset``.

    Raises:
        StoreError: If ``ref`` is not a dataset version.
    """
    found = store.manifest(ref).meta.get("lineage")
    if not isinstance(found, dict):
        raise StoreError(f"{ref.uri!r} has no lineage. Expected a dataset version, found {ref.kind!r}.")
    return found


def _write_shards(rows: Iterable[Mapping[str, Any]], folder: Path, key: str) -> tuple[list[Path], dict[str, int]]:
    import pyarrow.parquet as parquet
    from datasets import Features, Image, List, Value

    text = Value("string")
    features = Features({"id": text, "images": List(Image()), "prompt": text, "truth": List(text), "meta": text})
    schema = features.arrow_schema
    shards: list[Path] = []
    counts = {"rows": 0, "images": 0, "sentences": 0}
    seen: set[str] = set()
    writer: Any = None
    try:
        for group, full in _groups(_checked(rows, seen, key)):
            if writer is None:
                shards.append(folder / f"{len(shards)}.parquet")
                writer = parquet.ParquetWriter(shards[-1], schema, compression="snappy")
            writer.write_table(_table(group, schema))
            counts["rows"] += len(group)
            counts["images"] += sum(len(row["images"]) for row in group)
            counts["sentences"] += sum(len(row["truth"]) for row in group)
            if full:
                writer.close()
                writer = None
    finally:
        if writer is not None:
            writer.close()
    if not shards:
        raise StoreError(f"The dataset version {key!r} has no rows. Expected at least one: look at the rejections.")
    return shards, counts


def _table(rows: list[Mapping[str, Any]], schema: Any) -> Any:
    import pyarrow

    embedded = [{**row, "images": [{"bytes": png, "path": None} for png in row["images"]]} for row in rows]
    try:
        return pyarrow.Table.from_pylist(embedded, schema=schema)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise StoreError(f"A row among {rows[0]['id']!r} … {rows[-1]['id']!r} has a wrong type: {error}.") from error


def _checked(rows: Iterable[Mapping[str, Any]], seen: set[str], key: str) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        if set(row) != set(COLUMNS):
            raise StoreError(f"A row of {key!r} has the columns {sorted(row)}. Expected {sorted(COLUMNS)}.")
        if row["id"] in seen:
            raise StoreError(f"The id {row['id']!r} comes twice in {key!r}. Expected one row an id.")
        seen.add(row["id"])
        yield row


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[list[Mapping[str, Any]], bool]]:
    """Rows in groups, each with whether its shard is full after it."""
    group: list[Mapping[str, Any]] = []
    shard_bytes = 0
    for row in rows:
        group.append(row)
        shard_bytes += sum(len(png) for png in row["images"])
        full = shard_bytes >= SHARD_BYTES
        if full or len(group) == ROWS_PER_GROUP:
            yield group, full
            group, shard_bytes = [], 0 if full else shard_bytes
    if group:
        yield group, True


def _card(lineage: Mapping[str, JsonValue], counts: Mapping[str, int]) -> str:
    facts = "\n".join(f"| {name} | {_cell(value)} |" for name, value in sorted(lineage.items()))
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
tags:
- viper-loop
- synthetic
---
# Synthetic training data of one round

{counts["rows"]} rows with {counts["images"]} images and {counts["sentences"]} ground-truth sentences.

Columns: `id`, `images` (in the order of the prompt), `prompt`, `truth` (ground-truth sentences), `meta` (JSON text).

| made from | |
|---|---|
{facts}
"""


def _cell(value: JsonValue) -> str:
    text = value if isinstance(value, str) else canonical_json(value).decode()
    return text.replace("|", "\\|").replace("\n", " ")
