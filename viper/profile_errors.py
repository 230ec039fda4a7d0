"""Says in a line what is wrong with a value of a profile: where it stands, what was found, what was expected."""

import datetime
import difflib
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from viper.settings import Settings
from viper.tables import as_toml, names_of

_KINDS = {
    "string_type": "a text",
    "string_unicode": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}
"""What pydantic's kinds of values are called in TOML."""
_LONGEST_FOUND = 80
"""Characters of a wrong value that a message shows."""

TAGS = ("objective", "engine")
"""Keys that decide which keys a table has."""
Part = str | int


def explain(error: ValidationError, values: Mapping[str, object]) -> str:
    """One sentence for each wrong value, unknown key or missing key.

    Args:
        error: What pydantic found.
        values: What it read; stages are called by their names.
    """
    sentences: list[str] = []
    unknown: dict[tuple[Part, ...], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "extra_forbidden":
            unknown.setdefault(detail["loc"][:-1], []).append(detail)
        elif detail["type"] != "default_factory_not_called":  # what the default depends on is reported by itself
            sentences.append(_sentence(detail, values))
    return " ".join([_unknown_keys(section, found, values) for section, found in unknown.items()] + sentences)


def _unknown_keys(section: Sequence[Part], details: Sequence[ErrorDetails], values: Mapping[str, object]) -> str:
    known = known_keys(_follow(section)[1])
    found = [(_written(_follow(one["loc"])[0], values), str(one["loc"][-1])) for one in details]
    where = ", ".join(repr(where) for where, _ in found)
    near = [match for _, key in found for match in difflib.get_close_matches(key, known, 1)]
    if len(found) == 1 and near:
        return f"Unknown key {where}; did you mean {near[0]!r}?"
    return f"Unknown key{'s' if len(found) > 1 else ''} {where}; known here: {', '.join(known) or 'none'}."


def _sentence(detail: ErrorDetails, values: Mapping[str, object]) -> str:
    location, section = _follow(detail["loc"])
    where = _written(location, values)
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return f"{where!r} is missing."
        case "union_tag_not_found":
            return f"{where!r} has no {_tag(section)}. Write {_tag(section)} = {_listed(_tags(section))}."
        case "union_tag_invalid":
            return f"'{where}.{_tag(section)}' is {context.get('tag')!r}. Expected {_listed(_tags(section))}."
        case "value_error":
            return f"{where or 'profile'}: {context.get('error', detail['msg'])}"
    found = "" if isinstance(detail["input"], Mapping) else f" (found {_shown(detail['input'])})"
    return f"{where or 'profile'}: {_expected(detail)}{found}."


def _expected(detail: ErrorDetails) -> str:
    """What a value should have been, in the words of TOML."""
    found, kind = detail["input"], detail["type"]
    if kind in ("tuple_type", "list_type"):
        return f"expected a list; write [{as_toml(found)}]" if isinstance(found, str) else "expected a list"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "expected a table" if isinstance(found, Mapping) else "expected a table, such as {key = value}"
    if kind == "string_type" and isinstance(found, bool | int | float | datetime.date | datetime.time):
        written = as_toml(found) if isinstance(found, bool | int | float) else found
        return f'expected a text; write it in quotation marks: "{written}"'
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}"
    return detail["msg"]


def _listed(tags: Sequence[str]) -> str:
    return " or ".join(f'"{tag}"' for tag in tags)


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, datetime.date | datetime.time) else repr(value)
    return text if len(text) <= _LONGEST_FOUND else f"{text[:_LONGEST_FOUND]}…"


def known_keys(section: object) -> list[str]:
    """The keys of a section, sorted; none for what is no section."""
    if isinstance(section, type) and issubclass(section, BaseModel):
        return sorted(section.model_fields)
    return []


def _follow(location: Sequence[Part]) -> tuple[list[Part], object]:
    """The parts that stand in a profile, without the tags of unions, and the type at the end of them."""
    written: list[Part] = []
    kind: object = Settings
    for part in location:
        members = _members(kind)
        if members:
            kind = next((one for one in members if str(part) in _tags(one)), None)
            continue
        written.append(part)
        kind = _inside(kind, part)
    return written, kind


def _inside(kind: object, part: Part) -> object:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return field.annotation if field else None
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def _members(kind: object) -> tuple[object, ...]:
    """The types of a union; empty for what is none."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else ()


def _tag(kind: object) -> str:
    """The key that decides which member of a union a table is; empty for a table that is none."""
    fields = [name for one in _members(kind) or (kind,) for name in known_keys(one)]
    return next((name for name in TAGS if name in fields), "")


def _tags(kind: object) -> list[str]:
    """The values of that key, of one member or of all members of a union."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and (tag := _tag(kind)):
        annotation = kind.model_fields[tag].annotation
        return [str(tag) for tag in get_args(annotation)] if get_origin(annotation) is Literal else []
    return [tag for member in _members(kind) for tag in _tags(member)]


def _written(location: Sequence[Part], values: Mapping[str, object]) -> str:
    """A location as ``--set`` takes it: stages by name where the name is theirs alone."""
    shown: list[str] = []
    at: object = values
    for part in location:
        label = str(part)
        if isinstance(at, list | tuple) and isinstance(part, int) and part < len(at):
            names = names_of(at)
            label = names[part] if names[part] and names.count(names[part]) == 1 else label
            at = at[part]
        else:
            at = at.get(label) if isinstance(at, Mapping) else None
        shown.append(label)
    return ".".join(shown)
