"""Prefect's own settings, which it reads when it is imported: what it refuses is said in one line."""

import io
import os
import re
import tomllib
from contextlib import redirect_stderr
from pathlib import Path

from pydantic import ValidationError

from viper.environment import home
from viper.errors import AddressError

_SECRET = ("KEY", "AUTH", "PASSWORD", "SECRET", "TOKEN", "HEADERS", "URL")
"""Words in the names of variables whose values are not shown."""


def sets_prefect() -> bool:
    """Whether a variable or a file sets anything of Prefect. Its defaults need no look, for which it is imported."""
    if any(name.startswith("PREFECT_") and name != "PREFECT_HOME" for name in os.environ):
        return True
    own = os.path.expanduser(os.environ.get("PREFECT_HOME") or str(home() / "prefect"))
    # Not by Path, which raises for a name that is too long or a folder that is closed: another check says that.
    if any(os.path.exists(file) for file in ("prefect.toml", ".env", os.path.join(own, "profiles.toml"))):
        return True
    try:
        return "prefect" in (tomllib.loads(Path("pyproject.toml").read_text()).get("tool") or {})
    except OSError:  # mostly there is none
        return False
    except (ValueError, TypeError):  # Prefect reads it too, and is to say so
        return True


def check_prefect_settings() -> None:
    """Make Prefect read its settings.

    Raises:
        AddressError: It refuses one: the variables that set it are named.
    """
    try:
        with redirect_stderr(io.StringIO()):  # it prints the same at length
            from prefect.settings import get_current_settings

            get_current_settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refusal("_".join(str(part) for part in first["loc"]), first["msg"]) from error
    except ValueError as error:  # of a setting that is no JSON, and of a file of settings
        field = re.search(r'for field "(\w+)"', str(error))
        raise _refusal(field[1] if field else "", "it cannot be read") from error


def _refusal(field: str, why: str) -> AddressError:
    named = [name for name in sorted(os.environ) if name.startswith("PREFECT_") and name.endswith(field.upper())]
    if not field or not named:
        return AddressError(
            f"Prefect refuses its settings{f' ({field}: {why})' if field else ''}. No variable sets that: correct "
            "prefect.toml, .env or pyproject.toml in the working folder, or profiles.toml in PREFECT_HOME."
        )
    shown = [name if any(word in name for word in _SECRET) else f"{name}={os.environ[name]}" for name in named]
    return AddressError(f"Prefect refuses {', '.join(shown)}: {why}. Correct it, or leave it out.")
