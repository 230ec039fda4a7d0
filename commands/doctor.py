"""Checks a machine for a profile and says what to do about each problem."""

import os
import platform
import shutil
from collections.abc import Callable
from importlib.metadata import version
from urllib.request import urlopen

from commands.terminal import say
from flows.preflight import MIN_FREE_BYTES
from viper.environment import home, store_root, tracking_uri
from viper.errors import ViperError
from viper.profiles import load_profile
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
        _line("profile", str(error), ok=False)
        settings = None
    if settings is not None:
        _line("profile", f"{settings.name}: evolution {settings.evolution!r}, seed {settings.seed}", ok=True)
        checks += [("device", lambda: _device(settings)), ("models", lambda: _models(settings))]
        checks += [("pool", lambda: _pool(settings)), ("suites", lambda: _suites(settings))]
    sound = settings is not None
    for name, check in checks:
        try:
            _line(name, check(), ok=True)
        except (ViperError, OSError, RuntimeError) as error:
            _line(name, str(error), ok=False)
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

    ObjectStore(store_root()).probe(MIN_FREE_BYTES)
    return f"{store_root()} reads, writes and honors create-only"


def _prefect() -> str:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return "no PREFECT_API_URL: each run starts a server of its own"
    with urlopen(f"{url.rstrip('/')}/health", timeout=10) as reply:
        return f"{url} answers {reply.status}"


def _mlflow() -> str:
    uri = tracking_uri()
    if not uri.startswith("http"):
        return uri
    with urlopen(f"{uri.rstrip('/')}/health", timeout=10) as reply:
        return f"{uri} answers {reply.status}"


def _device(settings: Settings) -> str:
    import torch

    wanted = {model.device for model in (settings.models.vlm, settings.models.painter, settings.models.editor)}
    if any(device.startswith("cuda") for device in wanted) and not torch.cuda.is_available():
        raise RuntimeError(f"the profile wants {', '.join(sorted(wanted))}, but torch {torch.__version__} sees no GPU")
    return ", ".join(sorted(wanted))


def _models(settings: Settings) -> str:
    from models.locations import resolve

    models = (settings.models.vlm, settings.models.painter, settings.models.editor, settings.models.similarity)
    return ", ".join(resolve(model.path) and model.path for model in models)


def _pool(settings: Settings) -> str:
    from tasks.pool import check_pool

    check_pool(settings.pool)
    return settings.pool.uri


def _suites(settings: Settings) -> str:
    from tasks.suites import check_suites

    check_suites(settings.benchmarks)
    return ", ".join(settings.benchmarks.suites)
