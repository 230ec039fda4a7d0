"""``viper profiles`` and ``viper foundation``: what ships with the project, and how its models are made."""

from pathlib import Path
from typing import Annotated

import typer

from commands.progress import bars
from commands.terminal import say, start, working
from viper.environment import home


def profiles() -> None:
    """List the shipped profiles with their purpose."""
    from viper.profiles import PROFILES_FOLDER, profile_names

    for name in profile_names():
        head = (PROFILES_FOLDER / f"{name}.toml").read_text().splitlines()
        say(name, bold=True)
        for line in head:
            if not line.startswith("#"):
                break
            say(f"    {line.removeprefix('# ')}")


def foundation(
    work: Annotated[Path | None, typer.Option(help="Folder for resumable progress.")] = None,
    measure: Annotated[bool, typer.Option(help="Only measure the shipped models, on held-out scenes.")] = False,
    scenes: Annotated[int, typer.Option(help="Held-out scenes of the measurement.")] = 1000,
) -> None:
    """Train the embedded world's four models from nothing, or measure them."""
    start()
    with working("the same command"), bars():
        from flows.foundation import foundation as foundation_flow
        from flows.foundation import measure_models

        if measure:
            measure_models(scenes)
        else:
            foundation_flow(str(work or home() / "foundation"), scenes)
