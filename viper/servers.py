"""The servers that the environment names are looked at before any work starts: the store, MLflow, Prefect."""

import os
import tempfile

from viper.addresses import WEB, hide_passwords, shown_address, web_address
from viper.asking import AwayError, ask, is_json
from viper.databases import SCHEMES, check_database
from viper.environment import check_variables, store_root, tracking_uri
from viper.errors import AddressError
from viper.places import BUCKETS, nearest, place_fault

PATIENCE_S = 10.0
"""So long a Prefect server may be away before a run, as it is while it is started anew."""
_REFUSED = (401, 403)
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""The first that is set is the one that is used."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_PROXY_SCHEMES = (*WEB, "socks4", "socks4a", "socks5", "socks5h")
_MLFLOW_EXPECTED = "Expected http://HOST:PORT, https://…, sqlite:////PATH/mlflow.db, or the address of a database"
_STORE_EXPECTED = (
    "Expected a folder or s3://BUCKET/PREFIX, the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and the endpoint "
    "in AWS_ENDPOINT_URL"
)


def check_servers() -> None:
    """Look at the addresses of proxies, of the store, of MLflow and of Prefect, and whether the store can be written.

    Raises:
        AddressError: One cannot work: what was found (without passwords), what was expected, what to do.
    """
    hide_passwords()
    check_variables()
    check_proxies()
    check_store()
    _check_store_is_writable()
    check_mlflow()
    check_prefect()


def check_proxies() -> None:
    """Look at the addresses of the proxies through which servers are asked.

    Raises:
        AddressError: One can be none.
    """
    for name, address in os.environ.items():
        if name.upper() in _PROXIES and address:
            whole = address if "://" in address else f"http://{address}"
            remedy = "Expected a proxy such as http://HOST:PORT. Correct the variable or leave it out"
            web_address(name, whole, remedy, _PROXY_SCHEMES)


def check_store() -> None:
    """Look at the store's address, and at that of its S3 server.

    Raises:
        AddressError: It is neither a folder, there or to be made, nor ``s3://BUCKET/PREFIX``, or keys stand in it.
    """
    root = os.environ.get("VIPER_STORE") or store_root()
    if fault := place_fault(root):
        raise AddressError(f"VIPER_STORE is {shown_address(root)!r}, {fault}. {_STORE_EXPECTED}.")
    for name in _ENDPOINTS:
        if address := os.environ.get(name, ""):
            remedy = "Expected http://HOST:PORT or https://HOST, keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            if "@" in address:
                raise AddressError(f"{name} is {shown_address(address)!r}, which has keys in it. {remedy}.")
            web_address(name, address, remedy)


def _check_store_is_writable() -> None:
    root = store_root()
    if root.startswith(BUCKETS):
        return  # ``ObjectStore.probe`` writes
    try:
        with tempfile.TemporaryFile(dir=nearest(os.path.abspath(root))):  # a look, of which nothing is left
            pass
    except OSError as error:
        raise AddressError(
            f"VIPER_STORE is {root!r}, which cannot be written: {error.strerror}. Name a folder that can, on a disk "
            "with space, or correct its owner and mode."
        ) from error


def check_s3_answers(*places: str) -> None:
    """Ask the S3 server of the environment for any answer at all, if it is the store's or that of other places.

    Raises:
        AddressError: It gives none within seconds.
    """
    name = next((name for name in _ENDPOINTS if os.environ.get(name)), "")
    if not name or not any(BUCKETS in place for place in (store_root(), *places)):
        return
    endpoint = os.environ[name]
    try:
        ask(endpoint, "", "")  # a refusal is an answer, too
    except AwayError as error:
        raise AddressError(
            f"{name} is {shown_address(endpoint)!r}, and no server answers there ({error}). Start it or correct it."
        ) from error


def check_mlflow() -> bool:
    """Look at MLflow's address. False if its server is away, which is no fault: a run keeps what MLflow misses.

    Raises:
        AddressError: It is no address that MLflow takes, or what answers there is no MLflow or refuses the login.
    """
    address = tracking_uri()
    shown = f"MLFLOW_TRACKING_URI is {shown_address(address)!r}"
    scheme = address.partition("://")[0].lower() if "://" in address else ""
    if scheme in WEB:
        return _mlflow_server_answers(address, shown)
    if scheme.partition("+")[0] in SCHEMES:
        check_database(address, shown, _MLFLOW_EXPECTED)
        return True
    if scheme.partition("+")[0] == "postgres":
        raise AddressError(f"{shown}. Write postgresql:// in place of postgres://.")
    raise AddressError(
        f"{shown}. {_MLFLOW_EXPECTED}. Leave the variable out for a SQLite file in VIPER_HOME: MLflow keeps no "
        "registry of models in a plain folder."
    )


def check_prefect_address() -> None:
    """Look at the address of the Prefect server, if there is one. Nobody is asked.

    Raises:
        AddressError: It can be the address of no server.
    """
    if address := os.environ.get("PREFECT_API_URL"):
        expected = "Expected an address such as http://127.0.0.1:4200/api, or none: then each run has its own server"
        web_address("PREFECT_API_URL", address, expected)


def check_prefect() -> None:
    """The same, and ask the server.

    Raises:
        AddressError: No Prefect server answers there for ``PATIENCE_S``, or it refuses the login.
    """
    check_prefect_address()
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        return
    shown = f"PREFECT_API_URL is {shown_address(address)!r}"
    remedy = "Start the server, correct the address, or leave the variable out: then each run has a server of its own"
    login, token = os.environ.get("PREFECT_API_AUTH_STRING", ""), os.environ.get("PREFECT_API_KEY", "")
    try:
        status, body = ask(f"{address.rstrip('/')}/health", login, token, PATIENCE_S)
    except AwayError as error:
        raise AddressError(f"{shown}, and no server answers there ({error}). {remedy}.") from error
    if status in _REFUSED:
        raise AddressError(
            f"{shown}, and the server refuses the login ({status}). Correct PREFECT_API_AUTH_STRING or PREFECT_API_KEY."
        )
    if status != 200 or not is_json(body):
        raise AddressError(f"{shown}, but what answers there is no Prefect API ({status}). Its address ends in /api.")


def _mlflow_server_answers(address: str, shown: str) -> bool:
    web_address("MLFLOW_TRACKING_URI", address, _MLFLOW_EXPECTED)
    login = f"{os.environ.get('MLFLOW_TRACKING_USERNAME', '')}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    page = f"{address.rstrip('/')}/api/2.0/mlflow/experiments/search?max_results=1"
    try:
        status, body = ask(page, login, token)
    except AwayError:
        return False
    if status in _REFUSED:
        raise AddressError(
            f"{shown}, and the server refuses the login ({status}). Correct MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    if status != 200 or not is_json(body):
        raise AddressError(f"{shown}, but what answers there is no MLflow server ({status}).")
    return True
