"""Databases that MLflow can be kept in: what is wrong with the address of one, without asking its server."""

import tempfile
from pathlib import Path

from viper.addresses import host_fault
from viper.errors import AddressError
from viper.places import nearest

SCHEMES = ("sqlite", "postgresql", "mysql", "mssql")
"""Of the databases that MLflow takes; ``+DRIVER`` may follow."""
_PACKAGES = {"psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""Packages that are not called like what they bring."""


def check_database(address: str, shown: str, expected: str) -> None:
    """Look at the address of a database, and at the file if it is SQLite's.

    Args:
        address: Of MLflow.
        shown: How a message begins: what was found, without passwords.
        expected: How it goes on.

    Raises:
        AddressError: It cannot work.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address)
        asynchronous = create_engine(address).dialect.is_async
    except ImportError as error:
        missing = error.name or str(error)
        package = _PACKAGES.get(missing, missing)
        raise AddressError(
            f"{shown}, but {missing}, which talks to it, is not installed. Install it: pip install {package}."
        ) from error
    except (ArgumentError, ValueError, TypeError) as error:
        raise AddressError(f"{shown}, which cannot be taken apart. {expected}.") from error
    if asynchronous:
        raise AddressError(f"{shown}, whose driver is one for asynchronous programs, which MLflow is not. {expected}.")
    if url.get_backend_name() == "sqlite":
        _check_sqlite(address, shown, expected)
    elif url.port == 0 or (url.port or 0) > 65535:
        raise AddressError(f"{shown}, whose port is no number from 1 to 65535. Correct the port.")
    elif url.host and (fault := host_fault(url.host)):
        raise AddressError(f"{shown}, {fault}.")


def _check_sqlite(address: str, shown: str, expected: str) -> None:
    path = address.partition("://")[2].removeprefix("/")
    file = Path(path.partition("?")[0])
    if not path or path == ":memory:":
        raise AddressError(f"{shown}, which names no file. {expected}.")
    head = b""
    try:
        if file.exists():
            with file.open("r+b") as opened:
                head = opened.read(16)
        else:
            with tempfile.TemporaryFile(dir=nearest(str(file.absolute()))):  # a look, of which nothing is left
                pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AddressError(f"{shown}, which cannot be written: {reason}. {expected}.") from error
    if head and not head.startswith(b"SQLite format 3"):
        raise AddressError(f"{shown}, but {file} is no SQLite database. Name another file.")
