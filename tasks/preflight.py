"""What is checked before any work starts, so that a mistake costs seconds and not a night."""

from models.locations import resolve
from storage.objects import ObjectStore
from tasks.pool import check_pool
from tasks.reporting import check_rounds
from tasks.suites import check_suites
from viper.environment import store_root
from viper.settings import Settings

MIN_FREE_BYTES = 2_000_000_000


def check(settings: Settings, rounds: int) -> None:
    """Rounds, models, pool, suites and store.

    Raises:
        ViperError: With what was found, what was expected, and what to do.
    """
    check_rounds(rounds)
    for model in (settings.models.vlm, settings.models.painter, settings.models.editor, settings.models.similarity):
        resolve(model.path)
    check_pool(settings.pool)
    check_suites(settings.benchmarks)
    ObjectStore(store_root()).probe(MIN_FREE_BYTES)


def check_benchmark(settings: Settings) -> None:
    """What a benchmark alone needs: the VLM, suites and store.

    Raises:
        ViperError: With what was found, what was expected, and what to do.
    """
    resolve(settings.models.vlm.path)
    check_suites(settings.benchmarks)
    ObjectStore(store_root()).probe(MIN_FREE_BYTES)
