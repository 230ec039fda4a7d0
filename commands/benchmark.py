"""``viper benchmark``: score models on the benchmarks alone, and score stored replies again."""

from pathlib import Path
from typing import Annotated

import typer

from commands.progress import bars, shown
from commands.terminal import Json, checking, reading, say_json, start, working
from viper.environment import store_root
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
    adapter: Annotated[Path | None, typer.Option(help="Folder of a LoRA adapter, put on the model.")] = None,
    suites: Annotated[str, typer.Option(help="Suites, separated by commas; by default the profile's.")] = "",
    limit: Annotated[int, typer.Option(help="Questions a suite at most; 0 takes all.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting, such as --set benchmarks.batch=8.")
    ] = None,
    json: Json = False,
) -> None:
    """Score models on the benchmarks alone."""
    if context.invoked_subcommand:
        return
    start()
    with checking():
        from flows.preflight import check_benchmark
        from flows.start import cut_of, open_store
        from storage.ledger.models import is_key, stored_model
        from viper.profiles import load_profile, override
        from viper.tables import as_toml

        asked = [f"benchmarks.limit={limit}"] if limit else []
        asked += [f"benchmarks.suites={as_toml([suite.strip() for suite in suites.split(',')])}"] if suites else []
        stored = is_key(model)
        asked += [f"models.vlm.path={as_toml(model)}"] if model and not stored else []
        settings = override(load_profile(profile), [*(set_ or []), *asked])
        check_benchmark(settings)
        store = open_store()
        cut = cut_of(store, settings)
        models = {"model": cut.base} if model else None
        if adapter:
            models = {"base": cut.base, "adapter": cut.identities.with_adapter(cut.base, adapter)}
        if stored:
            if adapter:
                raise ViperError("--adapter goes with the base or with a --model from a folder or hub, not with a key.")
            models = {"base": cut.base, "model": stored_model(store, model, cut.base)}
    with working("the same command"):
        from commands.scores import means, scores, show_scores
        from flows.benchmark import benchmark as benchmark_flow

        with bars():
            replies = benchmark_flow(profile=profile, settings=settings, models=models)
        found = scores(store, replies)
    if json:
        say_json({"profile": profile, "store": store_root(), "suites": found, "means": means(found)})
    else:
        show_scores(found)


@app.command()
def rescore(
    suites: Annotated[str, typer.Option(help="Suites, separated by commas; by default all.")] = "",
    json: Json = False,
) -> None:
    """Score the stored replies again by the present rules, without the model. Changes nothing."""
    reading()
    with checking():
        from commands.scores import show_rescored
        from flows.start import open_store
        from tasks.rescoring import rescore as rescore_replies

        with shown("score replies"):
            found = rescore_replies(open_store(), [suite for suite in suites.split(",") if suite])
    if json:
        say_json({"store": store_root(), "replies": found})
    else:
        show_rescored(found)
