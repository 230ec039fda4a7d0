"""Dataset versions: immutable parquet shards, their larger images beside them, a card, and where every row came from.

A downloaded version is an ordinary Hugging Face dataset folder: ``datasets.load_dataset(folder)`` and
``pandas.read_parquet(folder / "data" / …)`` read it as it is. A small image stands in its row. A larger one is an entry
``images/<SHA-256>.png`` that shares its blob with the artifact it comes from, so that a version of many gigabytes costs
the store a few megabytes; the row holds its path relative to the folder, where ``datasets`` finds it when it runs
there. ``viper data export`` puts all images into the rows. The same rows give the same bytes, hence the same hash.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import JsonValue

from storage.manifest import LINEAGE, canonical_json
from storage.objects import Content, ObjectStore
from viper.errors import StoreError
from viper.escaping import for_markdown
from viper.records import ArtifactRef

if TYPE_CHECKING:
    from datasets import Dataset

COLUMNS = ("id", "images", "prompt", "truth", "meta")
ROWS_PER_GROUP = 100
SHARD_BYTES = 256 * 2**20
IMAGES = "images"
"""Folder of the images that do not stand in their rows."""


class Picture(NamedTuple):
    """A PNG entry of an artifact in the same store."""

    artifact: ArtifactRef
    name: str


def dataset_entries(
    store: ObjectStore,
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    lineage: Mapping[str, JsonValue],
    inline_bytes: int,
) -> tuple[dict[str, Content], dict[str, JsonValue]]:
    """The entries of a dataset version, and its counts of rows, images and sentences.

    Args:
        store: Where the pictures lie.
        folder: Local folder for the shards until they are stored.
        rows: One mapping a row: ``id`` (str, unique), ``images`` (list of ``Picture`` or PNG bytes, in the order of the
            prompt), ``prompt`` (str), ``truth`` (list of ground-truth sentences), ``meta`` (JSON text). Read once; the
            inline images of a group of 100 are in memory at a time.
        lineage: Parent version, round, models and revisions, settings hash, code version, counts by rejection reason.
            It is shown in the version's card.
        inline_bytes: Largest ``Picture`` that stands in its row. PNG bytes always do.

    Raises:
        StoreError: If there are no rows, a row has other columns, or an id comes twice.
        CorruptArtifact: If a ``Picture`` is missing; it names the picture's artifact.
    """
    beside: dict[str, Picture] = {}
    shards, counts = _write_shards(_with_images(store, _checked(rows), inline_bytes, beside), folder)
    entries: dict[str, Content] = {
        path: store.manifest(picture.artifact).entries[picture.name] for path, picture in beside.items()
    }
    _check_present(store, beside.values())
    entries |= {f"data/train-{number:05d}-of-{len(shards):05d}.parquet": shard for number, shard in enumerate(shards)}
    entries["README.md"] = _card(lineage, counts).encode()
    return entries, dict(counts)


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
    rows = load_dataset("parquet", data_files={"train": shards}, split="train", cache_dir=str(cache_dir / "arrow"))
    return _with_paths_in(folder, rows) if (folder / IMAGES).is_dir() else rows


def _with_paths_in(folder: Path, rows: "Dataset") -> "Dataset":
    """The rows with absolute paths: ``datasets`` takes relative ones from the working folder."""
    from datasets import Image, List

    def locate(columns: dict[str, list[list[dict[str, Any]]]]) -> dict[str, list[list[dict[str, Any]]]]:
        found = [
            [{**image, "path": str(folder / image["path"]) if image["path"] else None} for image in images]
            for images in columns["images"]
        ]
        return {"images": found}

    located = rows.cast_column("images", List(Image(decode=False))).map(locate, batched=True)
    return located.cast_column("images", List(Image()))


def lineage(store: ObjectStore, ref: ArtifactRef) -> dict[str, JsonValue]:
    """What the version was made from, and for whom.

    Raises:
        StoreError: If ``ref`` is not a dataset version.
    """
    found = store.manifest(ref).meta.get(LINEAGE)
    if not isinstance(found, dict):
        raise StoreError(f"{ref.uri!r} has no lineage. Expected a dataset version, found {ref.kind!r}.")
    return found


def _with_images(
    store: ObjectStore, rows: Iterable[Mapping[str, Any]], inline_bytes: int, beside: dict[str, Picture]
) -> Iterator[Mapping[str, Any]]:
    """The rows with images as the ``Image`` feature stores them; ``beside`` gets those that lie elsewhere, by path."""

    def stored(image: Picture | bytes) -> dict[str, bytes | str | None]:
        if isinstance(image, bytes):
            return {"bytes": image, "path": None}
        blob = store.manifest(image.artifact).entries[image.name]
        if blob.size_bytes <= inline_bytes:
            return {"bytes": store.read(image.artifact, image.name), "path": None}
        path = f"{IMAGES}/{blob.sha256}.png"
        beside[path] = image
        return {"bytes": None, "path": path}

    for row in rows:
        yield {**row, "images": [stored(image) for image in row["images"]]}


def _check_present(store: ObjectStore, pictures: Iterable[Picture]) -> None:
    """Nobody reads these pictures now: a lost one must be named as the artifact's that can make it again."""
    names: dict[ArtifactRef, list[str]] = {}
    for picture in pictures:
        names.setdefault(picture.artifact, []).append(picture.name)
    for artifact, wanted in names.items():
        store.check_present(artifact, wanted)


def _write_shards(rows: Iterable[Mapping[str, Any]], folder: Path) -> tuple[list[Path], dict[str, int]]:
    import pyarrow.parquet as parquet
    from datasets import Features, Image, List, Value

    text = Value("string")
    features = Features({"id": text, "images": List(Image()), "prompt": text, "truth": List(text), "meta": text})
    schema = features.arrow_schema
    shards: list[Path] = []
    counts = {"rows": 0, "images": 0, "sentences": 0}
    writer: Any = None
    try:
        for group, full in _groups(rows):
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
        raise StoreError("The dataset version has no rows. Expected at least one: look at the rejections.")
    return shards, counts


def _table(rows: list[Mapping[str, Any]], schema: Any) -> Any:
    import pyarrow

    try:
        return pyarrow.Table.from_pylist(list(rows), schema=schema)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise StoreError(f"A row among {rows[0]['id']!r} … {rows[-1]['id']!r} has a wrong type: {error}.") from error


def _checked(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    seen = set[str]()
    for row in rows:
        if set(row) != set(COLUMNS):
            raise StoreError(f"A row of the dataset version has the columns {sorted(row)}. Expected {sorted(COLUMNS)}.")
        if row["id"] in seen:
            raise StoreError(f"The id {row['id']!r} comes twice in the dataset version. Expected one row an id.")
        seen.add(row["id"])
        yield row


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[list[Mapping[str, Any]], bool]]:
    """Rows in groups, each with whether its shard is full after it."""
    group: list[Mapping[str, Any]] = []
    shard_bytes = 0
    for row in rows:
        group.append(row)
        shard_bytes += sum(len(image["bytes"] or b"") for image in row["images"])
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
    return for_markdown(text)
