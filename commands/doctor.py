"""Checks a machine for a profile and says what to do about each problem."""

import os
import platform
import shutil
from collections.abc import Callable
from importlib.metadata import version

from commands.terminal import said, say
from flows.preflight import KINDS, MIN_FREE_BYTES, check_devices, check_models
from viper.addresses import shown_address
from viper.environment import home, store_root, tracking_uri
from viper.errors import ViperError
from viper.profiles import load_profile
from viper.servers import check_mlflow, check_prefect, check_proxies, check_s3_answers, check_store
from viper.settings import Settings


def examine(profile: str) -> bool:
    """Print one line a check; True if all passed."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", _python),
        ("packages", _packages),
        ("disk", _disk),
        ("store", _store),
        ("prefect", _prefect),
        ("mlflow", _mlflow),
    ]
    try:
        settings = load_profile(profile)
    except ViperError as error:
        _line("profile", said(error), ok=False)
        settings = None
    if settings is not None:
        _line("profile", f"{settings.name}: evolution {settings.evolution!r}, seed {settings.seed}", ok=True)
        checks += [("device", lambda: _device(settings)), ("launcher", lambda: _launcher(settings))]
        checks += [("models", lambda: _models(settings))]
        checks += [("pool", lambda: _pool(settings)), ("suites", lambda: _suites(settings))]
    sound = settings is not None
    for name, check in checks:
        try:
            _line(name, check(), ok=True)
        except (ViperError, OSError, RuntimeError) as error:
            _line(name, said(error), ok=False)
            sound = False
    return sound


def _line(name: str, text: str, *, ok: bool) -> None:
    say(f"{'ok     ' if ok else 'PROBLEM'}  {name:9} {text}", fg=None if ok else "red")


def _python() -> str:
    return f"Python {platform.python_version()} on {os.cpu_count()} cores"


def _packages() -> str:
    names = ("torch", "transformers", "trl", "peft", "diffusers", "datasets", "prefect", "mlflow", "s3fs")
    return ", ".join(f"{name} {version(name)}" for name in names)


def _disk() -> str:
    home().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home()).free
    if free < MIN_FREE_BYTES:
        raise RuntimeError(f"{free / 1e9:.1f} GB free in {home()}; at least {MIN_FREE_BYTES / 1e9:.0f} GB are needed.")
    return f"{free / 1e9:.0f} GB free in {home()}"


def _store() -> str:
    from storage.objects import ObjectStore

    check_proxies()
    check_store()
    check_s3_answers()
    ObjectStore(store_root()).probe(MIN_FREE_BYTES)
    return f"{store_root()} reads, writes and honors create-only"


def _prefect() -> str:
    check_prefect()
    url = os.environ.get("PREFECT_API_URL")
    return f"{url} answers" if url else "no PREFECT_API_URL: each run starts a server of its own"


def _mlflow() -> str:
    answers = check_mlflow()
    uri = shown_address(tracking_uri())
    return uri if answers else f"{uri} is away: a run keeps what MLflow misses until it is back"


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


def _pool(settings: Settings) -> str:
    from tasks.pool import check_pool

    check_pool(settings.pool, settings.models.vlm, settings.models.editor)
    return settings.pool.uri


def _suites(settings: Settings) -> str:
    from tasks.suites import check_suites

    check_suites(settings.benchmarks)
    return ", ".join(settings.benchmarks.suites)
