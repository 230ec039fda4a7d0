"""Addresses of servers, taken apart, and never shown with the passwords in them.

A name and a password in an address of MLflow or Prefect move to the variables that are made for them, so that no
library prints them with the address: ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``, and
``PREFECT_API_AUTH_STRING``. Databases need theirs in the address; ``without_passwords`` hides them in texts.
"""

import os
import re
from urllib.parse import SplitResult, unquote, urlsplit

from viper.errors import AddressError

_PASSWORD = re.compile(r"(?<=://)[^\s'\"<>]*@")


def without_passwords(text: str) -> str:
    """The text with ``***`` in place of names and passwords in addresses, such as ``http://***@host``."""
    return _PASSWORD.sub("***@", text)


def hide_passwords() -> None:
    """Move names and passwords from the addresses of MLflow and Prefect to the variables that are made for them.

    Raises:
        AddressError: An address cannot be taken apart.
    """
    if found := _take_login("MLFLOW_TRACKING_URI"):
        os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"] = found
    if found := _take_login("PREFECT_API_URL"):
        os.environ["PREFECT_API_AUTH_STRING"] = ":".join(found)


def _take_login(variable: str) -> tuple[str, str] | None:
    address = os.environ.get(variable, "")
    if not address.startswith(("http://", "https://")) or "@" not in address:
        return None
    parts = split_address(variable, address)
    if "@" not in parts.netloc:
        return None
    os.environ[variable] = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return unquote(parts.username or ""), unquote(parts.password or "")


def split_address(variable: str, address: str) -> SplitResult:
    """The parts of the address that stands in a variable of the environment.

    Raises:
        AddressError: It cannot be taken apart.
    """
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise AddressError(
            f"{variable} is {without_passwords(address)!r}, which cannot be taken apart. Expected an address such as "
            "http://HOST:PORT; marks such as / # ? @ in a name or password are written %2F %23 %3F %40."
        ) from error
    return parts
