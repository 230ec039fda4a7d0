"""``viper judge``: how good the judge of a round is."""

from typing import Annotated

import typer

from commands.terminal import Json, checking, say, say_json, start, working

app = typer.Typer(help="How good the judge of a round is.", no_args_is_help=True)


@app.callback()
def judge() -> None:
    """How good the judge of a round is."""


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
        from flows.calibration import calibrate as measure

        found = measure(settings)
    if json:
        say_json(found)
        return
    say(f"Noise      {found.unit:.4f} of the judge's distance, the median of {found.captions} captions with two seeds")
    say(f"Paintings  {found.mean_distance:.1f} times that from their pictures where they are farthest, in the mean")
