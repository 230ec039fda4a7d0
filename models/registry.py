"""How things are looked up by name: worlds, suites, judges and lessons alike."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from viper.errors import ViperError

Entry = TypeVar("Entry")


def look_up(known: Mapping[str, Entry], name: str, what: str, error: type[ViperError]) -> Entry:
    """The entry of this name, whatever its case, with dashes or underscores.

    Args:
        known: All entries by name.
        name: The name that is looked for.
        what: What the entries are, in one word of the message.
        error: What is raised where there is no such entry. Its message gives the nearest name and all that are known.
    """
    names = {_plain(one): one for one in known}
    if (found := names.get(_plain(name))) is not None:
        return known[found]
    near = difflib.get_close_matches(_plain(name), names, 1)
    hint = f"Did you mean {names[near[0]]!r}? " if near else ""
    raise error(f"Unknown {what} {name!r}. {hint}Known here: {', '.join(known)}.")


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")
