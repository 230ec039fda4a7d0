"""``viper data``: look into dataset versions, compare and export them, and trace where a model comes from."""

import json as json_format
from pathlib import Path
from typing import Annotated, Literal

import typer

from commands.progress import shown
from commands.terminal import Json, checking, reading, say, say_json
from viper.environment import store_root

app = typer.Typer(help="Dataset versions, and the lineage of models.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Key of a dataset version, or the beginning of its SHA-256.")]


@app.command("list")
def list_(evolution: Annotated[str, typer.Argument(help="Only of this evolution.")] = "", json: Json = False) -> None:
    """All dataset versions."""
    reading()
    from commands.tables import TextTable, show_table
    from storage.dataset_reports import list_versions
    from storage.ledger.requests import named_evolution
    from storage.objects import ObjectStore

    with checking():
        store = ObjectStore(store_root())
        evolution = evolution and named_evolution(store, evolution)
        versions = list_versions(store, evolution)
        if json:
            say_json({"store": store_root(), "versions": versions})
            return
        table = TextTable(f"Dataset versions in {store_root()}")
        for name in ("evolution", "round", "lesson", "rows", "sha256", "key"):
            table.add_column(name, justify="right" if name in ("round", "rows") else "left", no_wrap=True)
        for one in versions:
            cells = [one.evolution, str(one.round_number), one.lesson, str(one.rows)]
            table.add_row(*cells, one.ref.sha256[:12], one.ref.uri)
        show_table(table, 150)


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Lineage and figures of a version, and its first rows."""
    reading()
    from storage.dataset_reports import compare_versions, find_version, sample_rows
    from storage.datasets import lineage
    from storage.objects import ObjectStore

    with checking():
        store = ObjectStore(store_root())
        ref = find_version(store, name)
        facts = lineage(store, ref)
        figures = {figure: value for figure, (value, _) in compare_versions(store, ref, ref).figures.items()}
        rows = [row for row, _ in sample_rows(store, ref, 3)]
        if json:
            say_json({"version": ref, "lineage": facts, "figures": figures, "rows": rows})
            return
        say(f"{ref.uri}  sha256 {ref.sha256}  {ref.size_bytes / 1e6:,.1f} MB", bold=True)
        for field, value in sorted(facts.items()):
            say(f"  {field:22} {value}")
        for figure, value in figures.items():
            say(f"  {figure:34} {value:.3g}")
        for row in rows:
            say(f"\n{row.id}: {row.prompt}\n  → {' '.join(row.truth)}")


@app.command()
def diff(first: Name, second: Name, json: Json = False) -> None:
    """Rows added, removed and changed from the first version to the second, and how the figures moved."""
    reading()
    from storage.dataset_reports import compare_versions, find_version
    from storage.objects import ObjectStore

    with checking():
        store = ObjectStore(store_root())
        change = compare_versions(store, find_version(store, first), find_version(store, second))
    if json:
        say_json(change)
        return
    say(f"{len(change.added)} rows added, {len(change.removed)} removed, {len(change.changed)} changed")
    for figure, (before, after) in change.figures.items():
        say(f"  {figure:34} {before:10.3g} → {after:.3g}")


@app.command()
def export(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="New folder to write to.")],
    to: Annotated[
        Literal["jsonl", "hub-folder"],
        typer.Option(help="JSON lines with PNG files, or a dataset folder as on the hub."),
    ] = "hub-folder",
) -> None:
    """Copy a version out of the store, verified."""
    reading()
    from storage.dataset_reports import export_folder, export_jsonl, find_version
    from storage.objects import ObjectStore

    with checking():
        store = ObjectStore(store_root())
        ref = find_version(store, name)
        write = export_jsonl if to == "jsonl" else export_folder
        with shown("export the rows"):
            write(store, ref, folder)
    say(f"{ref.uri} → {folder}")


@app.command()
def sample(
    name: Name,
    html: Annotated[Path, typer.Option(help="Page to write.")] = Path("sample.html"),
    rows: Annotated[int, typer.Option(help="Rows, spread evenly over the version.", min=1)] = 24,
) -> None:
    """A page with rows of a version and their pictures."""
    reading()
    from storage.dataset_reports import find_version, sample_rows
    from storage.objects import ObjectStore
    from tasks.gallery import sample_page

    with checking():
        store = ObjectStore(store_root())
        ref = find_version(store, name)
        html.write_text(sample_page(ref.uri, sample_rows(store, ref, rows)), encoding="utf-8")
    say(str(html))


@app.command()
def lineage(
    name: Annotated[str, typer.Argument(help="An evolution (its champion), or the key of a champion or checkpoint.")],
) -> None:
    """The dataset versions, settings, code and parent that made a model, back to the base."""
    reading()
    from flows.start import open_store
    from storage.ledger.lineage import trace

    with checking():
        for ancestor in trace(open_store(), name):
            say(f"{ancestor.name}  {ancestor.fingerprint}", bold=True)
            if ancestor.settings_sha256:
                whole = f"  whole in {ancestor.request}" if ancestor.request else ""
                say(f"  settings  {ancestor.settings_sha256}{whole}")
            for field, value in sorted(ancestor.training.items()):
                say(f"  {field:9} {json_format.dumps(value)}")
            if ancestor.code_version:
                say(f"  code      {ancestor.code_version}")
            for ref in ancestor.datasets:
                say(f"  dataset   {ref.uri}  sha256 {ref.sha256}")
