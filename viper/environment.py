"""Where this environment keeps things: from variables, never from profiles.

A variable that is empty counts as unset, and ``~`` in a folder is the user's home.

VIPER_HOME            folder for everything local (default ``.viper`` in the working folder)
VIPER_STORE           the object store: a folder or ``s3://bucket/prefix`` (default ``$VIPER_HOME/store``)
MLFLOW_TRACKING_URI   MLflow (default a SQLite file in ``$VIPER_HOME``)
VIPER_MLFLOW_PAGES    MLflow as browsers reach it (default ``MLFLOW_TRACKING_URI``)
PREFECT_API_URL       Prefect server (default: one started inside the process)
PREFECT_HOME          Prefect's own folder (default ``$VIPER_HOME/prefect``)
AWS_*                 endpoint and credentials of an S3 store
VIPER_VLM_ENDPOINTS   servers that generate (``viper.endpoints``)
"""

import fcntl
import os
import shutil
import tempfile
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from viper.errors import AddressError
from viper.heap import limit_arenas
from viper.places import folder_fault

_SECRETS = (
    *("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PREFECT_API_KEY"),
    *("PREFECT_API_AUTH_STRING", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN"),
    "VIPER_VLM_ENDPOINT_KEY",
)
"""Variables whose text becomes part of what a web server is sent, which has the characters of Latin-1 alone."""
_OF_OTHERS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_BEGINNINGS = ("VIPER_", "MLFLOW_", "PREFECT_", "AWS_", "HF_")


def check_variables() -> None:
    """Look at the characters of all variables that the project and its libraries read here.

    Raises:
        AddressError: One holds what no address, name or secret can. It is named; its value is not shown.
    """
    for name, value in sorted(os.environ.items()):
        if not name.startswith(_BEGINNINGS) and name.upper() not in _OF_OTHERS:
            continue
        if any(unicodedata.category(mark) == "Cc" for mark in value):
            found = "a line end" if "\n" in value or "\r" in value else "a character that is not seen"
        elif any("\ud800" <= mark <= "\udfff" for mark in value):
            found = "bytes that are no UTF-8"
        elif name in _SECRETS and any(mark > "\xff" for mark in value):
            found = "a character that is none of Latin-1's"
        else:
            continue
        raise AddressError(f"{name} holds {found}. Set it again without that; its value is not shown here.")


def home() -> Path:
    """The local folder of this installation."""
    return Path(os.path.expanduser(os.environ.get("VIPER_HOME") or ".viper")).resolve()


def store_root() -> str:
    """The object store: a folder, or an ``s3://`` address."""
    return os.path.expanduser(os.environ.get("VIPER_STORE", "")) or str(home() / "store")


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
    """Set the defaults that the libraries read from the environment. Call before they are imported or threads started.

    Raises:
        AddressError: A variable holds what it cannot, or ``VIPER_HOME`` or ``PREFECT_HOME`` is no folder that can be
            written.
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
    check_variables()
    for name, value in defaults.items():
        os.environ[name] = os.environ.get(name) or value
    limit_arenas(1)
    _make_folder("VIPER_HOME", os.environ.get("VIPER_HOME") or str(home()))
    _make_folder("PREFECT_HOME", os.environ["PREFECT_HOME"])


def _make_folder(variable: str, folder: str) -> None:
    remedy = "Name a folder that can be written, on a disk with space, or leave the variable out"
    if fault := folder_fault(folder):
        raise AddressError(f"{variable} is {folder!r}, {fault}. {remedy}.")
    path = Path(os.path.expanduser(folder))
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise AddressError(f"{variable} is {folder!r}, which cannot be written: {error.strerror}. {remedy}.") from error
