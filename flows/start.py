"""How an entry point begins: what the models are, and who runs the steps."""

from flows.cut import Cut
from flows.identities import Identities
from flows.runner import InProcess
from storage.ledger.requests import known_commits
from storage.objects import ObjectStore
from tasks.worker import Worker
from viper.environment import store_root
from viper.settings import Settings


def open_store() -> ObjectStore:
    """The store of this environment."""
    return ObjectStore(store_root())


def cut_of(store: ObjectStore, settings: Settings) -> Cut:
    """The slices of an evolution's settings, its hub models as the evolution resolved them when it first asked.

    What it did not resolve is resolved where it is needed.
    """
    return Cut(settings, Identities(known_commits(store, settings.evolution)))


def begin(settings: Settings, allow_code_change: bool = False) -> tuple[InProcess, Cut]:
    """A runner in this process, and the slices of the settings.

    Args:
        settings: Of the evolution.
        allow_code_change: Trainings may go on from checkpoints that other code made.
    """
    store = open_store()
    cut = cut_of(store, settings)
    return InProcess(Worker(store, cut.machine(allow_code_change))), cut
