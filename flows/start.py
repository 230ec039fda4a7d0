"""How an entry point begins: what is asked, what the models are, and who runs the steps."""

from typing import TYPE_CHECKING

from flows.cut import Cut
from flows.identities import Identities, resolve_commits
from storage.ledger.audit import refuse_gaps
from storage.ledger.champions import heal
from storage.ledger.requests import keep_request, known_commits
from storage.objects import ObjectStore
from tasks.worker import Worker
from viper.environment import store_root
from viper.settings import Settings

if TYPE_CHECKING:
    from flows.runner import InProcess


def open_store() -> ObjectStore:
    """The store of this environment."""
    return ObjectStore(store_root())


def cut_of(store: ObjectStore, settings: Settings) -> Cut:
    """The slices of an evolution's settings, its hub models as the evolution resolved them when it first asked.

    What it did not resolve is resolved where it is needed.
    """
    return Cut(settings, Identities(known_commits(store, settings.evolution)))


def ask(store: ObjectStore, profile: str, rounds: int, settings: Settings, run: str = "") -> int:
    """Write down what is asked of an evolution, so that it can be resumed from then on, whatever happens.

    Args:
        store: With the evolution. Champions of it that one copy lost are healed first.
        profile: Where the settings come from, as the person named it.
        rounds: Rounds that the evolution shall have; with ``run``, rounds more than are finished.
        settings: Of the evolution.
        run: The run that asks for more rounds. When it is retried, it asks for no others.

    Returns:
        The rounds that the evolution shall have.

    Raises:
        ViperError: History is damaged or has gaps, or a revision on the hub means nothing.
    """
    heal(store, settings.evolution)
    refuse_gaps(store, settings.evolution)
    commits = resolve_commits(settings, known_commits(store, settings.evolution))
    return keep_request(store, profile, rounds, settings, run, commits)


def begin(settings: Settings, allow_code_change: bool = False) -> "tuple[InProcess, Cut]":
    """A runner, and the slices of the settings.

    Args:
        settings: Of the evolution.
        allow_code_change: Trainings may go on from checkpoints that other code made.
    """
    store = open_store()
    cut = cut_of(store, settings)
    return runner_for(cut, Worker(store, cut.machine(allow_code_change))), cut


def runner_for(cut: Cut, worker: Worker) -> "InProcess":
    """What runs the steps, as ``run.workers`` says: this process alone, or with the actors of a Ray cluster.

    Raises:
        ViperError: There is no such cluster.
    """
    if cut.settings.run.workers == "process":
        from flows.runner import InProcess  # brings Prefect, which what is asked before any work need not wait for

        return InProcess(worker)
    from flows.ray_runner import Crews, RayRunner

    return RayRunner(worker, Crews(worker, cut.settings))
