"""``viper judge``: how good the judge of a round is."""

from typing import Annotated

import typer

from commands.terminal import Json, checking, reading, say, say_json

app = typer.Typer(help="How good the judge of a round is.", no_args_is_help=True)


@app.callback()
def judge() -> None:
    """How good the judge of a round is."""


@app.command()
def measure(
    evolution: Annotated[str, typer.Option(help="Its name; by default the only one in the store.")] = "",
    round_: Annotated[
        int | None, typer.Option("--round", min=1, help="Counts from 1; by default the last finished one.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure a round's critiques and edits against the true scenes of the embedded world. Changes nothing."""
    reading()
    from commands.tables import TextTable, show_table
    from flows.against_truth import measure_round
    from tasks.against_truth import HEAD, truth_rows

    with checking():
        result, found = measure_round(evolution, round_)
    name, number = result.evolution, result.round_number
    if json:
        say_json({"evolution": name, "round": number, "measured": found})
        return
    table = TextTable(f"Round {number} of {name} against the true scenes of its {found.pictures:,} pictures")
    for title in HEAD:
        table.add_column(title, justify="right" if table.columns else "left")
    for row in truth_rows(found):
        table.add_row(*row)
    show_table(table, 120)
    say("Needed corrections under “rejected”: rejected sentences name them, and no accepted one.")
