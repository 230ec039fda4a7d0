"""Addresses of servers, taken apart, and never shown with the passwords in them.

A name and a password in an address of MLflow or Prefect move to the variables that are made for them, so that no
library prints them with the address: ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``, and
``PREFECT_API_AUTH_STRING``. Databases need theirs in the address. ``shown_address`` hides them where the whole text is
an address, ``without_passwords`` where addresses stand in a text.
"""

import os
import re
from collections.abc import Collection
from urllib.parse import SplitResult, unquote, urlsplit

from viper.errors import AddressError

WEB = ("http", "https")
VARIABLES = (
    *("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "VIPER_STORE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)
"""Variables of the environment that hold an address."""
_ADDRESS = re.compile(r"\w[\w+.-]*://[^\s'\"<>]*")
_QUERY = re.compile(r"\?[\w.%-]+=[^\s'\"<>]*")
_AFTER_QUERY_MARK = re.compile(r"(?<=[?#]).+", re.DOTALL)
_TORN = (
    "which cannot be taken apart. Marks such as / # ? @ and blanks in a name or password are written %2F %23 %3F %40 "
    "%20"
)


def shown_address(address: str) -> str:
    """An address for people: ``***`` in place of name and password, and of all that follows a ``?`` or ``#``.

    Whatever marks stand in the password, all of it lies before the last ``@``. A path is shown as it is.
    """
    if address.startswith(("/", "./", "../", "~")):
        return address
    login, at, place = address.rpartition("@")
    if at:
        scheme, marks, _ = login.partition("://")
        address = f"{scheme}{marks}***@{place}" if marks else f"***@{place}"
    return _AFTER_QUERY_MARK.sub("***", address)


def without_passwords(text: str) -> str:
    """The text with ``***`` in place of what may be secret in addresses, such as ``http://***@host/x?***``."""
    for name in VARIABLES:
        address = os.environ.get(name, "")
        if "@" in address or "?" in address:
            text = text.replace(address, shown_address(address))
    return _QUERY.sub("?***", _ADDRESS.sub(lambda match: shown_address(match[0]), text))


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
    if address.partition("://")[0].lower() not in WEB or "@" not in address:
        return None
    parts = web_address(variable, address, "Expected an address such as http://HOST:PORT")
    if "@" not in parts.netloc:
        return None
    os.environ[variable] = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return unquote(parts.username or ""), unquote(parts.password or "")


def web_address(variable: str, address: str, remedy: str, schemes: Collection[str] = WEB) -> SplitResult:
    """The parts of an address of a web server that stands in a variable of the environment.

    Args:
        variable: Its name.
        address: Its value.
        remedy: What was expected and what to do, without the full stop.
        schemes: What the address may begin with.

    Raises:
        AddressError: It can be the address of no such server, whoever answers.
    """
    if fault := web_fault(address, schemes):
        raise AddressError(f"{variable} is {shown_address(address)!r}, {fault}. {remedy}.")
    return urlsplit(address)


def web_fault(address: str, schemes: Collection[str] = WEB) -> str:
    """What keeps an address from being that of a web server; empty if nothing does."""
    if any(mark.isspace() for mark in address):
        return _TORN
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return _TORN
    if parts.scheme not in schemes:
        return f"which begins with none of {', '.join(f'{scheme}://' for scheme in schemes)}"
    if "@" in address and "@" not in parts.netloc:
        return _TORN
    if not host:
        return "which names no host"
    if not is_port(parts):
        return "whose port is no number from 1 to 65535. Correct the port"
    if parts.query or parts.fragment:
        return "which has a ? or #. A server's address has neither: leave out what begins there"
    return host_fault(host)


def is_port(parts: SplitResult) -> bool:
    """Whether the port can be one; it may be left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def host_fault(host: str) -> str:
    """What keeps a text from being the name of a host; empty if nothing does."""
    try:
        host.encode("idna")
    except UnicodeError:
        return "whose host is no name: each part between its dots has 1 to 63 characters. Correct the host"
    if host in (".", "") or host.startswith("*") or any(mark.isspace() for mark in host):
        return "whose host is no name. Correct the host"
    return ""
