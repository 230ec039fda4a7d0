"""The command line. Imports only what a command needs, when it needs it, so that ``viper --help`` is instant."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import benchmark, champion, data, judge, shipped, store
from commands.prefect_settings import check_prefect_settings
from commands.terminal import FAILED, USER_MISTAKE, Json, checking, prepare, reading, say, start, working
from viper import __version__
from viper.environment import store_root
from viper.errors import AddressError, ViperError
from viper.servers import check_prefect

if TYPE_CHECKING:
    from viper.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(store.app, name="store")
app.add_typer(data.app, name="data")
app.add_typer(champion.app, name="champion")
app.add_typer(judge.app, name="judge")

Profile = Annotated[str, typer.Option(help="Name of a shipped profile, or path to a TOML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Override a setting, such as --set pool.images_per_round=64.")
]

Evolution = Annotated[str, typer.Argument(help="Name of the evolution; by default the only one in the store.")]
AllowCodeChange = Annotated[
    bool, typer.Option("--allow-code-change", help="Go on from training checkpoints that other code made.")
]


def main() -> None:
    """Entry point of the console command ``viper``."""
    app()


def _show_version(asked: bool) -> None:
    if asked:
        say(f"viper-loop {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """ViPER Loop: a vision-language model teaches itself to see better, round after round."""


def _settings(profile: str, overrides: list[str] | None) -> "Settings":
    from viper.profiles import load_profile, override

    return override(load_profile(profile), overrides or [])


@app.command()
def evolve(
    profile: Profile = "shapes",
    rounds: Annotated[int, typer.Option(help="Rounds that the evolution shall have, finished ones included.")] = 1,
    set_: Overrides = None,
    allow_code_change: AllowCodeChange = False,
) -> None:
    """Run self-evolution rounds: make data, train, prove the gain, promote. Run again to continue.

    Exit codes: 0 finished, 1 failed, 2 nothing was begun, 3 a candidate waits for approval, 130 stopped.
    """
    start()
    with checking():
        settings = _settings(profile, set_)
        from flows.preflight import check
        from flows.start import ask, open_store

        check(settings, rounds)
        ask(open_store(), profile, rounds, settings)
    _evolve(profile, rounds, settings, allow_code_change)


@app.command()
def resume(
    evolution: Evolution = "",
    rounds: Annotated[int | None, typer.Option(help="Rounds that it shall have; by default as asked last.")] = None,
    allow_code_change: AllowCodeChange = False,
) -> None:
    """Continue an evolution after a failure, a kill or Ctrl-C, or for more rounds: what is finished is skipped.

    Without a name it continues the only evolution in the store, or lists them if there are several.
    """
    start()
    with checking():
        from commands.evolutions import several, show_evolutions

        if not evolution and several():
            show_evolutions()
            raise typer.Exit(USER_MISTAKE)
        from flows.preflight import check
        from flows.start import ask, open_store
        from storage.ledger.requests import last_request

        store = open_store()
        asked = last_request(store, evolution)
        rounds = asked.rounds if rounds is None else rounds
        check(asked.settings, rounds)
        ask(store, asked.profile, rounds, asked.settings)
    _evolve(asked.profile, rounds, asked.settings, allow_code_change)


@app.command()
def status(evolution: Evolution = "", json: Json = False) -> None:
    """What is done of an evolution, what is running, and what a resume would skip and do. Changes nothing.

    Without a name it lists the evolutions in the store if there are several, and with --json always.
    """
    reading()
    with checking():
        from commands.evolutions import several, show_evolutions

        if not evolution and (json or several()):
            show_evolutions(json)
            return
        from commands.status import show_status

        show_status(evolution, json)


def _evolve(profile: str, rounds: int, settings: "Settings", allow_code_change: bool) -> None:
    say(f"Evolution {settings.evolution!r}, profile {profile!r}, {rounds} round(s). Store: {store_root()}")
    with working(f"viper resume {settings.evolution}"):
        from commands.summary import show
        from flows.evolve import evolve as evolve_flow

        results: Any = evolve_flow(
            profile=profile, rounds=rounds, settings=settings, allow_code_change=allow_code_change
        )
        show(results)


@app.command()
def ablate(
    profile: Profile = "shapes",
    variants: Annotated[str, typer.Option(help="Variants, separated by commas; by default all.")] = "",
    seeds: Annotated[str, typer.Option(help="Seeds of the evolutions, separated by commas.")] = "17,18,19",
    set_: Overrides = None,
) -> None:
    """Compare variants of a profile: stages, objective, cold start, filter, reward, synthesizer, true labels."""
    start()
    with checking():
        settings = _settings(profile, set_)
        from flows.ablate import VARIANTS, variant_settings
        from flows.ablate import ablate as ablate_flow
        from flows.preflight import check

        names = [name.strip() for name in variants.split(",")] if variants else list(VARIANTS)
        if not all(seed.strip().isdecimal() for seed in seeds.split(",")):
            raise ViperError(f"--seeds is {seeds!r}; expected whole numbers separated by commas, such as 17,18.")
        numbers = [int(seed) for seed in seeds.split(",")]
        variant_settings(settings, names, numbers)
        check(settings, 1)
    with working("the same command"):
        from commands.summary import show_ablation

        show_ablation(settings, ablate_flow(settings, names, numbers))


@app.command()
def throughput(
    profile: Profile = "shapes",
    stage: Annotated[str, typer.Option(help="Name of the stage whose dataset and settings to use.")] = "vop",
    steps: Annotated[int, typer.Option(help="Steps a turn; each way has two.")] = 12,
    set_: Overrides = None,
) -> None:
    """Time the training with shared prefixes against TRL's own way, on the dataset of a finished first round."""
    start()
    with checking():
        settings = _settings(profile, set_)
        from flows.preflight import check_training
        from flows.throughput import find_rows, measure_throughput

        if steps < 1:
            raise ViperError(f"--steps is {steps}; expected at least 1.")
        find_rows(settings, stage)
        check_training(settings)
    with working("the same command"):
        from commands.summary import show_throughput

        show_throughput(measure_throughput(settings, stage, steps))


@app.command()
def plan(
    profile: Profile = "shapes",
    gpus: Annotated[int, typer.Option(min=0, help="GPUs that there are; by default as many as train together.")] = 0,
    card: Annotated[str, typer.Option(help="Card to plan for, such as H100; by default the one that is here.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="First time a small part of a round on this machine.")
    ] = False,
    set_: Overrides = None,
) -> None:
    """What one round costs: counts, tokens, time, memory, disk; and what does not fit. Reads no weights."""
    prepare()
    with checking():
        settings = _settings(profile, set_)
        from commands.plan import measure_round, plan_round, show_plan

        if measure:
            measure_round(settings, card)
        found = plan_round(settings, gpus, card)
    if json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        show_plan(found)
    if found.faults:
        raise typer.Exit(USER_MISTAKE)


app.command()(shipped.profiles)


@app.command()
def doctor(profile: Profile = "shapes") -> None:
    """Check this machine, the store, the services and the models of a profile. Changes nothing."""
    prepare()
    from commands.doctor import examine

    if not examine(profile):
        raise typer.Exit(USER_MISTAKE)


app.command()(shipped.foundation)


@app.command()
def up(
    s3: Annotated[bool, typer.Option("--s3", help="Start an S3 server, too, and keep the store in it.")] = False,
    worker: Annotated[bool, typer.Option(help="Register the deployments and start a worker for them.")] = True,
    auth: Annotated[bool, typer.Option("--auth", help="Prefect and MLflow ask for a password.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what runs and is healthy.")] = False,
    prefect_port: Annotated[int, typer.Option(help="Where Prefect listens.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Where MLflow listens.")] = 5000,
    s3_port: Annotated[int, typer.Option(help="Where S3 listens: five ports, and those 10,000 above.")] = 8333,
    worker_port: Annotated[int, typer.Option(help="Where the worker says whether it is healthy.")] = 8080,
) -> None:
    """Run Prefect, MLflow and a worker, on this machine only, until Ctrl-C. A second call says what runs."""
    prepare()
    from commands import up as machine
    from commands.services import Choices

    with checking():
        chosen = Choices(s3, worker, auth, prefect_port, mlflow_port, s3_port, worker_port)
        healthy = machine.check() if check else machine.up(chosen)
    if not healthy:
        raise typer.Exit(FAILED)


@app.command()
def down() -> None:
    """Stop what `viper up` runs, or left behind when it was killed."""
    prepare()
    from commands import up as machine

    with checking():
        machine.down()


@app.command()
def deploy() -> None:
    """Register work pool, deployments and automations on the Prefect server of PREFECT_API_URL."""
    prepare()
    with checking():
        check_prefect_settings()
        check_prefect()
        if not os.environ.get("PREFECT_API_URL"):
            raise AddressError("PREFECT_API_URL names no server: `viper up` starts one, and registers all this itself.")
        from flows.deploying import register

        for line in register():
            say(line)
