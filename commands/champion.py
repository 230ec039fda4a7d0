"""``viper champion``: who is the champion of an evolution, who was it, and how to put an earlier one back."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from commands.progress import shown
from commands.terminal import Json, checking, reading, say, say_json
from viper.errors import ViperError
from viper.servers import check_prefect

if TYPE_CHECKING:
    from viper.records import Approval

app = typer.Typer(help="The champion of an evolution, its predecessors, and the way back.", no_args_is_help=True)

MUCH_ROUNDING = 0.05
"""Of what was learned."""
Evolution = Annotated[str, typer.Argument(help="Name of the evolution; by default the only one in the store.")]


@app.command()
def show(evolution: Evolution = "", json: Json = False) -> None:
    """The champion: what the next round starts from."""
    reading()
    from flows.start import open_store
    from storage.ledger.champions import history
    from storage.ledger.requests import named_evolution

    with checking():
        store = open_store()
        last = history(store, named_evolution(store, evolution))[-1]
    if json:
        say_json(last)
        return
    say(last.champion.name, bold=True)
    say(f"  since     {_since(last.round_number, last.rollback)}: {last.reason}")
    say(f"  key       {last.key}")
    champion = last.champion
    if champion.settings_path:
        say(f"  weights   {champion.settings_path}  {champion.revision}".rstrip())
    for name, made in (("weights", champion.artifact), ("adapter", champion.lora)):
        if made is not None:
            say(f"  {name}   {made.uri}  sha256 {made.sha256}  {made.size_bytes / 1e6:,.1f} MB")


@app.command()
def history(evolution: Evolution = "", json: Json = False) -> None:
    """All champions, oldest first, each with the gate's reason or that of a rollback."""
    reading()
    from flows.start import open_store
    from storage.ledger import champions
    from storage.ledger.requests import named_evolution

    with checking():
        store = open_store()
        reigns = champions.history(store, named_evolution(store, evolution))
    if json:
        say_json({"champions": reigns})
        return
    for reign in reigns:
        say(f"{reign.champion.name:10} {_since(reign.round_number, reign.rollback)}", bold=True)
        say(f"           {reign.reason}")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write; new or empty.")],
    evolution: Evolution = "",
    merged: Annotated[
        bool, typer.Option("--merged", help="One whole model; by default what the rounds made, such as the adapter.")
    ] = False,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option(help="Number format of a merged model; by default float32."),
    ] = None,
) -> None:
    """Write the champion as a folder for other tools: its adapter, or one whole model."""
    reading()
    from flows.start import open_store
    from storage.ledger import champions
    from storage.ledger.requests import named_evolution
    from tasks.export import export_made, export_merged
    from tasks.worker import Machine, Worker

    with checking():
        if dtype and not merged:
            raise ViperError("--dtype goes with --merged: what the rounds made is exported as it is, in float32.")
        store = open_store()
        reigns = champions.history(store, named_evolution(store, evolution))
        worker, champion = Worker(store, Machine()), reigns[-1].champion
        share = 0.0
        with shown("merge the champion" if merged else "copy the champion"):
            if merged:
                share = export_merged(worker, champion, reigns[0].champion, dtype or "float32", folder)
            else:
                export_made(worker, champion, folder)
    if not merged:
        what = (
            f"the adapter of {champion.settings_path or 'its weights'}" if champion.lora else "whole weights, float32"
        )
        say(f"{folder}   {champion.name}: {what}")
        return
    say(f"{folder}   {champion.name}: one model, {dtype or 'float32'}. Rounding is {share:.2%} of what was learned.")
    if share > MUCH_ROUNDING:
        say("That is much of it. Serve the adapter beside the base (without --merged), or merge in float32.", bold=True)


@app.command()
def rollback(
    to: Annotated[int, typer.Option(help="Round whose champion is put back; 0 for the base.", min=0)],
    reason: Annotated[str, typer.Option(help="Why, for the history.")],
    evolution: Evolution = "",
) -> None:
    """Put an earlier champion back: later rounds start from it. Nothing is removed."""
    reading()
    from flows.start import open_store
    from storage.ledger import champions
    from storage.ledger.requests import named_evolution
    from tasks.promotion import announce_champion

    with checking():
        store = open_store()
        name = named_evolution(store, evolution)
        reign = champions.rollback(store, name, to, reason)
        announce_champion(store, name)
    say(f"The champion is {reign.champion.name} ({reign.key}). The next round starts from it.")


@app.command()
def approve(reason: Annotated[str, typer.Option(help="Why, for the verdict.")], evolution: Evolution = "") -> None:
    """Let the candidate that waits for approval become champion."""
    _decide(evolution, True, reason)


@app.command()
def reject(reason: Annotated[str, typer.Option(help="Why, for the verdict.")], evolution: Evolution = "") -> None:
    """Keep the champion: the candidate that waits for approval is not promoted."""
    _decide(evolution, False, reason)


def _decide(evolution: str, approved: bool, reason: str) -> None:
    """Write the decision into the ledger, then resume the runs that wait for it, if a Prefect server knows of any."""
    reading()
    from flows.survey import waiting_question
    from storage.ledger.approvals import keep_approval
    from viper.records import Approval

    with checking():
        if not reason.strip():
            raise ViperError("--reason is blank. Write why: it becomes part of the round's verdict.")
        store, question = waiting_question(evolution)
        wanted = Approval(approved=approved, reason=reason.strip())
        kept = keep_approval(store, question.evolution, question.round_number, question.key, wanted)
        if kept.approved != approved:
            raise ViperError(f"Somebody else decided at the same moment, otherwise: {kept.reason}")
    say(
        f"Round {question.round_number} of {question.evolution!r}: {'approved' if approved else 'rejected'}.", bold=True
    )
    resumed = _resume_runs(question.key, kept) if os.environ.get("PREFECT_API_URL") else []
    for name in resumed:
        say(f"The run {name!r} goes on.")
    if not resumed:
        say(f"Continue with: viper resume {question.evolution}")


def _resume_runs(question: str, approval: "Approval") -> list[str]:
    """Names of the runs that go on. Where the server cannot be asked, the decision stands all the same."""
    from flows.approval import resume_waiting

    try:
        with checking():
            check_prefect()
    except typer.Exit:
        say("The decision stands in the ledger; the Prefect server could not be told.", err=True)
        return []
    return resume_waiting(question, approval)


def _since(round_number: int, rollback: bool) -> str:
    if round_number == 0:
        return "from the start"
    return f"put back after round {round_number}" if rollback else f"made by round {round_number}"
