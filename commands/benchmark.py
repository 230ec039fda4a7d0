"""``viper benchmark``: score models on the benchmarks alone, and score stored replies again."""

from pathlib import Path
from typing import Annotated

import typer

from commands.terminal import checking, start, working
from viper.environment import prepare_environment
from viper.errors import ViperError

app = typer.Typer(help="Score models on the benchmarks alone.", invoke_without_command=True)


@app.callback()
def benchmark(
    context: typer.Context,
    profile: Annotated[str, typer.Option(help="Name of a shipped profile, or path to a TOML file.")] = "shapes",
    model: Annotated[
        str,
        typer.Option(
            help="Folder or hub name of a model, or key of a champion, model or checkpoint in the store, which is "
            "compared with the base; by default base and champion."
        ),
    ] = "",
    adapter: Annotated[Path | None, typer.Option(help="Folder of a LoRA adapter, merged into the model.")] = None,
    suites: Annotated[str, typer.Option(help="Suites, separated by commas; by default the profile's.")] = "",
    limit: Annotated[int, typer.Option(help="Questions a suite at most; 0 takes all.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, such as --set benchmarks.batch=8.")
    ] = None,
) -> None:
    """Score models on the benchmarks alone."""
    if context.invoked_subcommand:
        return
    start()
    with checking():
        from tasks.generation import with_adapter
        from tasks.preflight import check_benchmark
        from tasks.promotion import base_vlm
        from tasks.stored_models import is_key, stored_vlm
        from viper.profiles import load_profile, override

        asked = [f"benchmarks.limit={limit}"] if limit else []
        asked += [f"benchmarks.suites={[suite.strip() for suite in suites.split(',')]}"] if suites else []
        stored = is_key(model)
        asked += [f"models.vlm.path='{model}'"] if model and not stored else []
        settings = override(load_profile(profile), [*(set_ or []), *asked])
        check_benchmark(settings)
        vlms = {"model": base_vlm(settings)} if model else None
        if adapter:
            vlms = {"base": base_vlm(settings), "adapter": with_adapter(settings, adapter)}
        if stored:
            if adapter:
                raise ViperError("--adapter goes with the base or with a --model from a folder or hub, not with a key.")
            vlms = {"base": base_vlm(settings), "model": stored_vlm(settings, model)}
    with working("the same command"):
        from commands.summary import show_scores
        from flows.benchmark import benchmark as benchmark_flow

        show_scores(benchmark_flow(profile=profile, settings=settings, vlms=vlms))


@app.command()
def rescore(suites: Annotated[str, typer.Option(help="Suites, separated by commas; by default all.")] = "") -> None:
    """Score the stored replies again by the present rules, without the model. Changes nothing."""
    prepare_environment()
    with checking():
        from commands.summary import show_rescored
        from tasks.rescoring import rescore as rescore_replies

        show_rescored(rescore_replies([suite for suite in suites.split(",") if suite]))
