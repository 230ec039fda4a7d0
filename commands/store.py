"""``viper store``: verify, measure and clear the object store."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.progress import shown
from commands.terminal import FAILED, Json, checking, reading, said, say, say_json
from viper.environment import store_root

if TYPE_CHECKING:
    from storage.ledger.audit import Missing
    from storage.objects import ObjectStore

app = typer.Typer(help="Verify, measure and clear the object store.", no_args_is_help=True)


@app.command()
def verify(
    prefix: Annotated[str, typer.Argument(help="Only artifacts under this key, such as evolutions/shapes.")] = "",
    repair: Annotated[
        bool, typer.Option("--repair", help="Restore champions, and forget what the next run can compute again.")
    ] = False,
    json: Json = False,
) -> None:
    """Read all artifacts, and name what is missing or damaged. Exit code 1 if something is and is not repaired."""
    reading()
    from storage import maintenance
    from storage.objects import ObjectStore
    from viper.errors import StoreError

    with checking():
        store = ObjectStore(store_root())
        if json and repair:
            raise StoreError("--json only tells what is damaged; repair first, then verify with --json.")
        if json:
            _tell_damage(store, prefix)
            return
        if repair:
            _heal_champions(store, prefix)
        damaged = _show_damage(store, prefix)
        missing = _show_missing(store, prefix)
        left = [key for key in damaged if not (repair and _forget(store, key))]
        known = len(maintenance.keys_of(store, prefix))
        if prefix and not (known or damaged or missing):
            raise StoreError(
                f"Nothing lies under {prefix!r} in {store_root()}. Expected a key or the folder of keys, such as one "
                "that `viper store du` shows."
            )
        say(f"{known} artifacts in {store_root()}, {len(damaged)} of them damaged, and {missing} missing.")
    if left or missing:
        if not repair:
            say("--repair restores champions from their copies, and forgets what the next run computes again.")
        say("Other history is never forgotten: it comes back from a copy of the store only.")
        raise typer.Exit(FAILED)


def _tell_damage(store: "ObjectStore", prefix: str) -> None:
    """Print what is damaged or missing under ``prefix`` as JSON. Exit code 1 if anything is."""
    from storage import maintenance

    with shown("verify blobs"):
        damaged = list(maintenance.verify(store, prefix))
    missing = _missing(store, prefix)
    artifacts = len(maintenance.keys_of(store, prefix))
    say_json({"store": store_root(), "artifacts": artifacts, "damaged": damaged, "missing": missing})
    if damaged or missing:
        raise typer.Exit(FAILED)


def _show_damage(store: "ObjectStore", prefix: str) -> list[str]:
    """Print what is damaged under ``prefix``, and return the keys of the artifacts."""
    from storage.maintenance import verify as find_damage

    with shown("verify blobs"):
        found = list(find_damage(store, prefix))
    for one in found:
        say(f"{one.reason:8}  {one.key}  {one.entry}", fg="red")
    return sorted({one.key for one in found})


def _show_missing(store: "ObjectStore", prefix: str) -> int:
    """Print what history proves to be missing under ``prefix``, and count it."""
    found = _missing(store, prefix)
    for one in found:
        say(f"missing   {one.key}  {one.reason}", fg="red")
    return len(found)


def _missing(store: "ObjectStore", prefix: str) -> "list[Missing]":
    from storage.ledger.audit import audit

    folder = prefix.rstrip("/")
    return [one for one in audit(store) if not folder or one.key == folder or one.key.startswith(f"{folder}/")]


def _heal_champions(store: "ObjectStore", prefix: str) -> None:
    """Restore what is damaged of the champions under ``prefix``. What cannot be restored is named and left alone."""
    from storage.layout import evolution_prefix
    from storage.ledger.champions import heal
    from storage.ledger.requests import evolutions
    from viper.errors import StoreError

    for evolution in evolutions(store):
        folder = f"{evolution_prefix(evolution)}/"
        if not folder.startswith(prefix) and not prefix.startswith(folder):
            continue
        try:
            for key in heal(store, evolution):
                say(f"restored  {key}")
        except StoreError as error:
            say(said(error), fg="red")


def _forget(store: "ObjectStore", key: str) -> bool:
    """Forget a damaged artifact, unless it is history. Says which, and returns whether it is forgotten."""
    from storage.layout import is_history

    if is_history(key):
        say(f"kept      {key}  it is history, which nothing can compute again: restore it from a copy")
        return False
    store.delete(key)
    say(f"forgotten {key}")
    return True


@app.command()
def du(json: Json = False) -> None:
    """Artifacts and bytes by step and evolution."""
    reading()
    from commands.tables import TextTable, show_table
    from storage import maintenance
    from storage.objects import ObjectStore

    with checking():
        store = ObjectStore(store_root())
        groups = maintenance.usage(store)
        sizes = [blob.size_bytes for blob in store.blobs().values()]
        if json:
            say_json({"store": store_root(), "groups": groups, "blobs": len(sizes), "blob_bytes": sum(sizes)})
            return
        table = TextTable(store_root())
        for name in ("group", "artifacts", "MB"):
            table.add_column(name, justify="left" if name == "group" else "right")
        for name, one in groups.items():
            table.add_row(name, str(one.artifacts), f"{one.size_bytes / 1e6:,.1f}")
        show_table(table)
        say(f"{len(sizes)} blobs, {sum(sizes) / 1e6:,.1f} MB: what several artifacts share is stored once.")


@app.command()
def bench(
    files: Annotated[int, typer.Option(help="Number of small files.", min=1)] = 2000,
    small_kb: Annotated[int, typer.Option(help="Size of each, in kB.", min=1)] = 10,
    large_mb: Annotated[int, typer.Option(help="Size of one large file, in MB.", min=1)] = 200,
    turns: Annotated[int, typer.Option(help="Turns of each way; their median counts.", min=1)] = 5,
    json: Json = False,
) -> None:
    """Time the store against a plain s3fs copy (of a bucket) and against this disk. Removes what it wrote."""
    reading()
    from commands.tables import TextTable, show_table
    from storage.bench import measure

    with checking():
        loads = [(files, small_kb * 1000), (1, large_mb * 10**6)]
        with shown("time the store"):
            measured = [(count, size, measure(store_root(), count, size, turns)) for count, size in loads]
        if json:
            told = [
                {
                    "files": count,
                    "file_bytes": size,
                    "ways": {way: {"put_s": put, "get_s": get} for way, (put, get) in found.items()},
                }
                for count, size, found in measured
            ]
            say_json({"store": store_root(), "measured": told})
            return
        for count, size, found in measured:
            table = TextTable(f"{count:,} × {size / 1000:,.0f} kB in {store_root()}")
            for name in ("way", "put files/s", "put MB/s", "store is", "get files/s", "get MB/s", "store is"):
                table.add_column(name, justify="left" if name == "way" else "right")
            for way, times in found.items():
                cells = [
                    cell
                    for seconds, ours in zip(times, found["store"], strict=True)
                    for cell in (
                        f"{count / seconds:,.1f}",
                        f"{count * size / seconds / 1e6:,.1f}",
                        f"{seconds / ours:.2f} ×",
                    )
                ]
                table.add_row(way, *cells)
            show_table(table, 100)


@app.command()
def gc(
    older_than_hours: Annotated[
        float, typer.Option(help="Spare unreferenced blobs younger than this, at least 24.")
    ] = 24,
    remove: Annotated[bool, typer.Option("--remove", help="Remove them; without it, they are only counted.")] = False,
    json: Json = False,
) -> None:
    """Count, and with --remove clear away, blobs that nothing refers to. Safe beside a running round."""
    reading()
    from storage import maintenance
    from storage.objects import ObjectStore

    with checking():
        store = ObjectStore(store_root())
        with shown("read manifests"):
            garbage = maintenance.find_garbage(store, older_than_hours * 3600)
        size_mb = sum(garbage.removable.values()) / 1e6
        if remove:
            with shown("remove blobs"):
                maintenance.clear(store, garbage)
        if json:
            say_json(
                {
                    "store": store_root(),
                    "blobs": len(garbage.removable),
                    "blob_bytes": sum(garbage.removable.values()),
                    "unfinished_writes": len(garbage.leftovers),
                    "removed": remove,
                    "too_young": garbage.spared,
                }
            )
            return
        done = "removed" if remove else "can be removed (--remove)"
        say(
            f"{len(garbage.removable)} blobs, {size_mb:,.1f} MB, and {len(garbage.leftovers)} unfinished writes {done};"
            f" {garbage.spared} blobs are too young to tell."
        )
