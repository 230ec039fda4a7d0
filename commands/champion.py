"""``viper champion``: who is the champion of an evolution, who was it, and how to put an earlier one back."""

from typing import Annotated

import typer

from commands.terminal import checking, reading, say

app = typer.Typer(help="The champion of an evolution, its predecessors, and the way back.", no_args_is_help=True)

Evolution = Annotated[str, typer.Argument(help="Name of the evolution; by default the only one in the store.")]


@app.command()
def show(evolution: Evolution = "") -> None:
    """The champion: what the next round starts from."""
    reading()
    from flows.start import open_store
    from storage.ledger.champions import history
    from storage.ledger.requests import named_evolution

    with checking():
        store = open_store()
        last = history(store, named_evolution(store, evolution))[-1]
    say(last.champion.name, bold=True)
    say(f"  since     {_since(last.round_number, last.rollback)}: {last.reason}")
    say(f"  key       {last.key}")
    if last.champion.artifact is not None:
        artifact = last.champion.artifact
        say(f"  model     {artifact.uri}  sha256 {artifact.sha256}  {artifact.size_bytes / 1e6:,.1f} MB")
    else:
        say(f"  model     {last.champion.settings_path}")


@app.command()
def history(evolution: Evolution = "") -> None:
    """All champions, oldest first, each with the gate's reason or that of a rollback."""
    reading()
    from flows.start import open_store
    from storage.ledger import champions
    from storage.ledger.requests import named_evolution

    with checking():
        store = open_store()
        for reign in champions.history(store, named_evolution(store, evolution)):
            say(f"{reign.champion.name:10} {_since(reign.round_number, reign.rollback)}", bold=True)
            say(f"           {reign.reason}")


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


def _since(round_number: int, rollback: bool) -> str:
    if round_number == 0:
        return "from the start"
    return f"put back after round {round_number}" if rollback else f"made by round {round_number}"
