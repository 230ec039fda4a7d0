"""Passwords and keys of the services of ``viper up``: drawn once, kept in files that only their owner can read."""

import json
import os
import secrets
import shlex
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from viper.errors import ServiceFailed

_DRAWN = ("AWS_SECRET_ACCESS_KEY", "PASSWORD", "FLASK_KEY")
_KEYS = {"AWS_ACCESS_KEY_ID", *_DRAWN}
_PRIVATE = 0o600


def read_keys(folder: Path) -> dict[str, str]:
    """The keys of the services in ``folder``; they are drawn and written when they are asked for the first time.

    Raises:
        ServiceFailed: Their file is damaged, or others can read it.
    """
    file = folder / "keys.json"
    if not file.exists():
        drawn = {name: secrets.token_urlsafe(24) for name in _DRAWN}
        write_private(file, json.dumps({"AWS_ACCESS_KEY_ID": "viper", **drawn}))
    if (mode := stat.S_IMODE(file.stat().st_mode)) & ~_PRIVATE:
        raise ServiceFailed(
            f"{file} has the mode {mode:04o}; expected {_PRIVATE:04o}: others may have read the passwords. "
            f"Draw new ones (deployments/README.md says how), or, if nobody else uses this machine: chmod 600 {file}"
        )
    remedy = "Bring it back from a copy, or remove it: then new ones are drawn"
    try:
        keys = json.loads(file.read_text())
    except ValueError as error:
        raise ServiceFailed(f"{file} holds no keys ({error}). {remedy}.") from error
    if not isinstance(keys, dict) or not {name for name, key in keys.items() if isinstance(key, str)} >= _KEYS:
        raise ServiceFailed(f"{file} does not hold all keys. {remedy}.")
    return keys


def write_exports(file: Path, variables: Mapping[str, str]) -> None:
    """Write a file that a shell can source."""
    write_private(file, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)  # with the mode _PRIVATE
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    os.replace(temporary, file)
