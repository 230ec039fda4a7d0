"""``viper judge``: how good the judge of a round is."""

from typing import Annotated

import typer

from commands.progress import bars
from commands.terminal import Json, checking, reading, say, say_json, start, working

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


@app.command()
def calibrate(
    profile: Annotated[str, typer.Option(help="Name of a shipped profile, or path to a TOML file.")] = "shapes",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, such as --set models.painter.steps=8.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure what the painter's noise alone changes: the unit of the thresholds. Every round does it itself."""
    start()
    with checking():
        from flows.preflight import check
        from viper.profiles import load_profile, override

        settings = override(load_profile(profile), set_ or [])
        check(settings, 1)
    with working("the same command"):
        from flows.calibration import calibrate as calibrate_painter

        with bars():
            found = calibrate_painter(settings)
    if json:
        say_json(found)
        return
    say(f"Noise      {found.unit:.4f} of the judge's distance, the median of {found.captions} captions with two seeds")
    say(f"Paintings  {found.mean_distance:.1f} times that from their pictures where they are farthest, in the mean")
