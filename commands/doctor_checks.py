"""What ``viper doctor`` looks at: each check says what it found, or raises what is wrong."""

import os
import platform
import shutil
from collections.abc import Callable
from importlib.metadata import version

from flows.plan.cards import card_here
from flows.plan.preflight import check_memory
from flows.preflight import KINDS, MIN_FREE_BYTES, check_devices, check_models
from viper.addresses import shown_address
from viper.environment import home, store_root, tracking_uri
from viper.errors import ServiceFailed
from viper.servers import check_mlflow, check_prefect, check_proxies, check_s3_answers, check_store
from viper.settings import Settings

Check = tuple[str, Callable[[], str], str]
"""Its name, the check, and the command that mends what it finds, unless the error names another."""


def of_machine() -> list[Check]:
    """What every command needs, whatever the profile."""
    store = "viper up --s3" if store_root().startswith("s3://") else "export VIPER_STORE=FOLDER"
    return [
        ("python", _python, "make up PYTHON=python3.11"),
        ("packages", _packages, "pip install --constraint constraints.txt --editable ."),
        ("disk", _disk, "viper store gc --remove"),
        ("store", _store, store),
        ("mlflow", _mlflow, "viper up"),
        ("gpu", _gpus, "nvidia-smi"),
        ("prefect", _prefect, "viper up"),
    ]


def of_prefect() -> list[Check]:
    """What runs of deployments need on the Prefect server, which answers."""
    from prefect import get_client
    from prefect.client.orchestration import SyncPrefectClient

    from flows import health

    def asked(check: Callable[[SyncPrefectClient], str]) -> Callable[[], str]:
        def ask() -> str:
            with get_client(sync_client=True) as client:
                return check(client)

        return ask

    return [
        ("work pool", asked(health.check_pool), health.DEPLOY),
        ("worker", asked(health.check_workers), health.DEPLOY),
        ("deployments", asked(health.check_deployments), health.DEPLOY),
        ("automations", asked(health.check_automations), health.DEPLOY),
    ]


def of_profile(name: str, settings: Settings) -> list[Check]:
    """What a round of a profile needs, as far as it can be seen without libraries or weights."""
    again = f"viper evolve --profile {name} --set"
    hub = [path for kind in KINDS if "/" in (path := getattr(settings.models, kind).path) and path[0] not in "./~"]
    return [
        ("profile", lambda: f"{settings.name}: evolution {settings.evolution!r}, seed {settings.seed}", ""),
        ("device", lambda: _device(settings), f"{again} models.vlm.device=cpu, or a machine with such a device"),
        ("launcher", lambda: _launcher(settings), f"{again} 'training.launcher=[]'"),
        ("models", lambda: _models(settings), f"hf download {hub[0]}" if hub else f"{again} models.vlm.path=FOLDER"),
        ("memory", lambda: _memory(settings), f"viper plan --profile {name}"),
        ("pool", lambda: _pool(settings), f"{again} pool.uri=FOLDER"),
        ("suites", lambda: _suites(settings), f"{again} benchmarks.folder=FOLDER"),
    ]


def _python() -> str:
    return f"Python {platform.python_version()} on {os.cpu_count()} cores"


def _packages() -> str:
    names = ("torch", "transformers", "trl", "peft", "diffusers", "datasets", "prefect", "mlflow", "s3fs")
    return ", ".join(f"{name} {version(name)}" for name in names)


def _disk() -> str:
    home().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home()).free
    if free < MIN_FREE_BYTES:
        raise ServiceFailed(f"{free / 1e9:.1f} GB free in {home()}; at least {MIN_FREE_BYTES / 1e9:.0f} GB are needed.")
    return f"{free / 1e9:.0f} GB free in {home()}"


def _store() -> str:
    from storage.objects import ObjectStore

    check_proxies()
    check_store()
    check_s3_answers()
    ObjectStore(store_root()).probe(MIN_FREE_BYTES)
    return f"{store_root()} reads, writes and honors create-only"


def _mlflow() -> str:
    uri = shown_address(tracking_uri())
    if check_mlflow():
        return uri
    raise ServiceFailed(f"{uri} is away: a run goes on, and keeps what MLflow misses until it is back.")


def _gpus() -> str:
    import torch

    here = torch.accelerator.current_accelerator(check_available=True)
    found = [card_here(f"{here.type}:{number}") for number in range(torch.accelerator.device_count())] if here else []
    return ", ".join(f"{card.name} ({card.memory_bytes / 2**30:.0f} GiB)" for card in found if card) or "none is here"


def _prefect() -> str:
    check_prefect()
    if url := os.environ.get("PREFECT_API_URL"):
        return f"{shown_address(url)} answers"
    exports = home() / "up.env"
    known = f"; `source {exports}` names that of `viper up`" if exports.exists() else ""
    return f"no PREFECT_API_URL: each run starts a server of its own{known}"


def _device(settings: Settings) -> str:
    check_devices(settings)
    return ", ".join(sorted({getattr(settings.models, name).device for name in KINDS}))


def _launcher(settings: Settings) -> str:
    from tasks.launchers import find_launcher

    launcher = settings.training.launcher
    return " ".join([find_launcher(launcher[0]), *launcher[1:]]) if launcher else "none: plain Python"


def _models(settings: Settings) -> str:
    check_models(settings)
    return ", ".join(getattr(settings.models, name).path for name in KINDS)


def _memory(settings: Settings) -> str:
    check_memory(settings)
    return "no device that is here is too small, by the plan"


def _pool(settings: Settings) -> str:
    from tasks.pool import check_pool

    check_pool(settings.pool, settings.models.vlm, settings.models.editor)
    return settings.pool.uri


def _suites(settings: Settings) -> str:
    from tasks.suites import check_suites

    check_suites(settings.benchmarks)
    return ", ".join(settings.benchmarks.suites)
