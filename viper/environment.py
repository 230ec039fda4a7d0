"""Where this environment keeps things: from variables, never from profiles.

VIPER_HOME            folder for everything local (default ``.viper`` in the working folder)
VIPER_STORE           the object store: a folder or ``s3://bucket/prefix`` (default ``$VIPER_HOME/store``)
MLFLOW_TRACKING_URI   MLflow (default a SQLite file in ``$VIPER_HOME``)
PREFECT_API_URL       Prefect server (default: one started inside the process)
PREFECT_HOME          Prefect's own folder (default ``$VIPER_HOME/prefect``)
AWS_*                 endpoint and credentials of an S3 store
"""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from viper.errors import AddressError


def home() -> Path:
    """The local folder of this installation."""
    return Path(os.environ.get("VIPER_HOME", ".viper")).resolve()


def store_root() -> str:
    """The object store: a folder, or an ``s3://`` address."""
    return os.environ.get("VIPER_STORE") or str(home() / "store")


def work_folder() -> Path:
    """Local copies of models and checkpoints. Everything in it can be made again."""
    folder = home() / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of this process alone, removed at the end. Those that killed processes left behind are removed first.

    A process holds a lock beside its folder, and the system lets go of it however the process ends.
    """
    scratch = work_folder() / "scratch"
    scratch.mkdir(exist_ok=True)
    for left in scratch.glob("*.lock"):
        with left.open("ab") as lock:
            if _locks(lock.fileno()):
                shutil.rmtree(left.with_suffix(""), ignore_errors=True)
                left.unlink(missing_ok=True)
    folder = scratch / uuid.uuid4().hex
    held = folder.with_suffix(".lock")
    with held.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            held.unlink(missing_ok=True)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def tracking_uri() -> str:
    """MLflow's tracking server or database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def prepare_environment() -> None:
    """Set the defaults that the libraries read from the environment. Call before they are imported.

    Raises:
        AddressError: ``VIPER_HOME`` or ``PREFECT_HOME`` is no folder that can be written.
    """
    defaults = {
        "PREFECT_HOME": str(home() / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "viper",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    _check_folder("VIPER_HOME", home())
    _check_folder("PREFECT_HOME", Path(os.environ["PREFECT_HOME"]))


def _check_folder(variable: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise AddressError(
            f"{variable} is {str(folder)!r}, which is no folder that can be written: {error.strerror}. Name one that "
            "can, on a disk with space, or leave the variable out."
        ) from error
