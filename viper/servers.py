"""The servers that the environment names are looked at before any work starts: the store, MLflow, Prefect."""

import base64
import http.client
import json
import os
import ssl
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from viper.addresses import hide_passwords, split_address, without_passwords
from viper.environment import store_root, tracking_uri
from viper.errors import AddressError

PATIENCE_S = 10.0
"""So long a Prefect server may be away before a run, as it is while it is started anew."""
_ANSWER_S = 3.0
_REFUSED = (401, 403)
_WEB = ("http", "https")
_DATABASES = ("postgresql", "mysql", "mssql")
_UNJUDGED = 200, b"null"
"""Of a server whose certificate is not known here: the libraries have variables of their own for certificates."""
_MLFLOW_EXPECTED = "Expected http://HOST:PORT, https://…, sqlite:////PATH/mlflow.db, or the address of a database"


def check_servers() -> None:
    """Look at the addresses of the store, of MLflow and of Prefect.

    Raises:
        AddressError: One cannot work: what was found (without passwords), what was expected, what to do.
    """
    hide_passwords()
    check_store()
    check_mlflow()
    check_prefect()


def check_store() -> None:
    """Look at the store's address, and at that of its S3 server.

    Raises:
        AddressError: It is neither a folder nor ``s3://BUCKET/PREFIX``, or keys stand in it.
    """
    root = store_root()
    scheme, marks, rest = root.partition("://")
    if not marks and os.path.exists(root) and not os.path.isdir(root):
        raise AddressError(f"VIPER_STORE is {root!r}, which is no folder. Expected a folder or s3://BUCKET/PREFIX.")
    if marks and (scheme != "s3" or not rest.strip("/") or "@" in rest.partition("/")[0]):
        raise AddressError(
            f"VIPER_STORE is {without_passwords(root)!r}. Expected a folder or s3://BUCKET/PREFIX, the keys in "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and the endpoint in AWS_ENDPOINT_URL."
        )
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        address = os.environ.get(name, "")
        if not address:
            continue
        parts = split_address(name, address)
        if parts.scheme not in _WEB or not parts.hostname or "@" in address:
            raise AddressError(
                f"{name} is {without_passwords(address)!r}. Expected http://HOST:PORT or https://HOST, the keys in "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )


def check_s3_answers() -> None:
    """Ask the S3 server of the environment for any answer at all; nothing is asked where the store is a folder.

    Raises:
        AddressError: It gives none within seconds.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    if not endpoint or not store_root().startswith("s3://"):
        return
    try:
        _ask(endpoint, "", "")  # a refusal is an answer, too
    except _AwayError as error:
        raise AddressError(
            f"AWS_ENDPOINT_URL is {endpoint!r}, and no server answers there ({error}). Start it or correct it."
        ) from error


def check_mlflow() -> bool:
    """Look at MLflow's address. False if its server is away, which is no fault: a run keeps what MLflow misses.

    Raises:
        AddressError: It is no address that MLflow takes, or what answers there is no MLflow or refuses the login.
    """
    address = tracking_uri()
    shown = f"MLFLOW_TRACKING_URI is {without_passwords(address)!r}"
    scheme = address.partition("://")[0].partition("+")[0] if "://" in address else ""
    if scheme in _WEB:
        return _mlflow_server_answers(address, shown)
    if scheme == "sqlite":
        _check_sqlite(address, shown)
    elif scheme in _DATABASES:
        _check_database(address, shown)
    else:
        raise AddressError(
            f"{shown}. {_MLFLOW_EXPECTED}. Leave the variable out for a SQLite file in VIPER_HOME: MLflow keeps no "
            "registry of models in a plain folder."
        )
    return True


def check_prefect() -> None:
    """Look at the address of the Prefect server, if there is one.

    Raises:
        AddressError: No Prefect server answers there for ``PATIENCE_S``, or it refuses the login.
    """
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        return
    shown = f"PREFECT_API_URL is {without_passwords(address)!r}"
    remedy = "Start the server, correct the address, or leave the variable out: then each run has a server of its own"
    parts = split_address("PREFECT_API_URL", address)
    if parts.scheme not in _WEB or not parts.hostname:
        raise AddressError(f"{shown}. Expected an address such as http://127.0.0.1:4200/api. {remedy}.")
    login, token = os.environ.get("PREFECT_API_AUTH_STRING", ""), os.environ.get("PREFECT_API_KEY", "")
    try:
        status, body = _ask_patiently(f"{address.rstrip('/')}/health", login, token)
    except _AwayError as error:
        raise AddressError(f"{shown}, and no server answers there ({error}). {remedy}.") from error
    if status in _REFUSED:
        raise AddressError(
            f"{shown}, and the server refuses the login ({status}). Correct PREFECT_API_AUTH_STRING or PREFECT_API_KEY."
        )
    if status != 200 or not _is_json(body):
        raise AddressError(f"{shown}, but what answers there is no Prefect API ({status}). Its address ends in /api.")


def _mlflow_server_answers(address: str, shown: str) -> bool:
    if not split_address("MLFLOW_TRACKING_URI", address).hostname:
        raise AddressError(f"{shown}, which names no host. {_MLFLOW_EXPECTED}.")
    login = f"{os.environ.get('MLFLOW_TRACKING_USERNAME', '')}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    page = f"{address.rstrip('/')}/api/2.0/mlflow/experiments/search?max_results=1"
    try:
        status, body = _ask(page, login, token)
    except _AwayError:
        return False
    if status in _REFUSED:
        raise AddressError(
            f"{shown}, and the server refuses the login ({status}). Correct MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    if status != 200 or not _is_json(body):
        raise AddressError(f"{shown}, but what answers there is no MLflow server ({status}).")
    return True


def _check_sqlite(address: str, shown: str) -> None:
    path = address.partition("://")[2].removeprefix("/")
    file = Path(path.partition("?")[0])
    if not path or path == ":memory:":
        raise AddressError(f"{shown}, which names no file. {_MLFLOW_EXPECTED}.")
    head = b""
    try:
        if file.exists():
            with file.open("r+b") as opened:
                head = opened.read(16)
        else:
            there = next(folder for folder in file.absolute().parents if folder.exists())
            with tempfile.TemporaryFile(dir=there):  # a look, of which nothing is left
                pass
    except OSError as error:
        raise AddressError(f"{shown}, which cannot be written: {error.strerror}. {_MLFLOW_EXPECTED}.") from error
    if head and not head.startswith(b"SQLite format 3"):
        raise AddressError(f"{shown}, but {file} is no SQLite database. Name another file.")


def _check_database(address: str, shown: str) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError

    try:
        create_engine(address).dispose()
    except (ArgumentError, ValueError) as error:
        raise AddressError(f"{shown}, which cannot be taken apart. {_MLFLOW_EXPECTED}.") from error
    except ImportError as error:
        raise AddressError(f"{shown}, but its driver is not installed ({error}). Install it with pip.") from error


class _AwayError(Exception):
    """A server does not answer now; the text says why."""


def _ask_patiently(page: str, login: str, token: str) -> tuple[int, bytes]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return _ask(page, login, token)
        except _AwayError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _ask(page: str, login: str, token: str) -> tuple[int, bytes]:
    """The status of the answer and what it says.

    Raises:
        _AwayError: There is no answer, or one that the server has a fault.
    """
    request = Request(page)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    elif login.strip(":"):
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urlopen(request, timeout=_ANSWER_S) as answer:  # the scheme was looked at: http or https
            return int(answer.status), bytes(answer.read(2**20))
    except HTTPError as refusal:
        with refusal:
            if refusal.code >= 500:
                raise _AwayError(f"it answers {refusal.code}") from refusal
            return int(refusal.code), b""
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return _UNJUDGED
        raise _AwayError(str(reason) or type(reason).__name__) from error


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
