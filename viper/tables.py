"""Lists of tables in plain values, such as ``training.stages``: an item is found by its name or its number."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence

from viper.errors import ProfileError
from viper.settings import default_stage_name


class Unknown:
    """Stands for a value that the person must choose; written as ``…``."""


def names_of(items: Sequence[object]) -> list[str]:
    """The items' names: written down, or those that stages have without one; empty where there is none."""
    return [_name_of(item) for item in items]


def _name_of(item: object) -> str:
    if not isinstance(item, Mapping):
        return ""
    name, lessons = item.get("name"), item.get("lessons")
    if isinstance(name, str) and name:
        return name
    if isinstance(lessons, list | tuple) and lessons and all(isinstance(lesson, str) for lesson in lessons):
        return default_stage_name(str(item.get("objective", "grpo")), lessons)
    return ""


def number_of(items: Sequence[object], part: str, where: str) -> int:
    """The number of the item that ``part`` means: its name, or else its number from 0.

    Args:
        items: The list.
        part: As a person wrote it.
        where: What the list is called in errors.

    Raises:
        ProfileError: There is no such item; the known names and numbers are given.
    """
    names, numbers = names_of(items), [str(number) for number in range(len(items))]
    if part in names and part:
        return names.index(part)
    if part in numbers:
        return int(part)
    known = [name for name in names if name]
    near = difflib.get_close_matches(part, known, 1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    listed = f"Known names: {', '.join(known)}. " if known else ""
    counted = f"Known numbers: 0 to {len(items) - 1}." if items else "The list is empty."
    raise ProfileError(f"{where} has no item {part!r}. {hint}{listed}{counted}")


def as_toml(value: object) -> str:
    """A value on one line of TOML; ``…`` for what is ``Unknown``."""
    if isinstance(value, Unknown):
        return "…"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return json.dumps(str(value), ensure_ascii=False)


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)
