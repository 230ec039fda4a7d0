"""``viper ablate``: compare variants of a profile on the same questions."""

from typing import Annotated

import typer

from commands.progress import bars
from commands.terminal import checking, start, working
from viper.errors import ViperError


def ablate(
    profile: Annotated[str, typer.Option(help="Name of a shipped profile, or path to a TOML file.")] = "shapes",
    variants: Annotated[str, typer.Option(help="Variants, separated by commas; by default all.")] = "",
    seeds: Annotated[str, typer.Option(help="Seeds of the evolutions, separated by commas.")] = "17,18,19,20,21",
    critiques: Annotated[
        str, typer.Option(help="Qualities of the critiques, separated by commas: usual, hot, planted-20, planted-40.")
    ] = "usual",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, such as --set pool.images_per_round=64.")
    ] = None,
) -> None:
    """Compare variants of a profile: stages, objective, cold start, filter, reward, synthesizer, true labels.

    Each of them at critiques that are as usual, hot (temperature 1.5), or have wrong sentences planted (of the embedded
    world alone).
    """
    start()
    with checking():
        from flows.ablate import ablate as ablate_flow
        from flows.arms import VARIANTS, arm_settings, arms_of
        from flows.preflight import check
        from viper.profiles import load_profile, override

        settings = override(load_profile(profile), set_ or [])
        names = [name.strip() for name in variants.split(",")] if variants else list(VARIANTS)
        kinds = [kind.strip() for kind in critiques.split(",")]
        if not all(seed.strip().isdecimal() for seed in seeds.split(",")):
            raise ViperError(f"--seeds is {seeds!r}; expected whole numbers separated by commas, such as 17,18.")
        numbers = [int(seed) for seed in seeds.split(",")]
        arm_settings(settings, arms_of(names, kinds), numbers)
        check(settings, 1)
    with working("the same command"):
        from commands.summary import show_ablation

        with bars():
            found = ablate_flow(settings, names, numbers, kinds)
        show_ablation(settings, found)
