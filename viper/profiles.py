"""Profiles: TOML files that become settings, and settings that are overridden one by one.

Unknown keys are refused with the nearest known one, and the older form of the settings with what to write instead.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import ValidationError, WithJsonSchema

from viper.errors import OlderForm, ProfileError
from viper.old_form import find_changes
from viper.profile_errors import explain
from viper.settings import Settings
from viper.tables import number_of

PROFILES_FOLDER = Path(__file__).resolve().parent.parent / "deployments" / "profiles"


def profile_names() -> list[str]:
    """The names of the shipped profiles, sorted."""
    return sorted(path.stem for path in PROFILES_FOLDER.glob("*.toml"))


ProfileName = Annotated[
    str,
    WithJsonSchema(
        {
            "anyOf": [
                {"title": "shipped profile", "type": "string", "enum": profile_names()},
                {"title": "path of a TOML file", "type": "string"},
            ]
        }
    ),
]
"""A profile as the parameter of a flow: the form of its deployments offers the shipped ones, and takes a path."""


def load_profile(name_or_path: str) -> Settings:
    """Settings from a shipped profile (by name) or a TOML file (by path).

    Raises:
        ProfileError: There is no such profile, it is not TOML, or a value or key in it is wrong.
    """
    known = profile_names()
    if name_or_path in known:
        path = PROFILES_FOLDER / f"{name_or_path}.toml"
    elif name_or_path.lower().endswith(".toml"):
        path = Path(name_or_path)
        if not os.path.isfile(path):  # also for a name that no file system takes
            raise ProfileError(
                f"There is no file {name_or_path!r}. Give a path to a .toml file or one of: {', '.join(known)}."
            )
    else:
        near = difflib.get_close_matches(name_or_path, known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        hint = "A path ends in .toml. " if "/" in name_or_path else hint
        raise ProfileError(f"There is no profile {name_or_path!r}. {hint}Known profiles: {', '.join(known)}.")
    return parse_settings(_read_toml(path), path.name)


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ProfileError(f"{path.name} cannot be read: {error.strerror}. Correct its owner or mode.") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path.name} is not in UTF-8 ({error.reason}). Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # also lists without end
        raise ProfileError(f"{path.name} is not valid TOML: {error}.") from error


def parse_settings(values: Mapping[str, object], source: str) -> Settings:
    """Settings from plain values; ``source`` names them in errors.

    Raises:
        ProfileError: A key is unknown (the nearest known one is named), missing, or has a wrong value; or the values
            have the form of an earlier version (what to write instead is given).
    """
    changes = find_changes(values)
    if changes:
        texts = "\n\n".join(change.as_profile() for change in changes)
        raise OlderForm(f"{source} has an older form of the settings. Write, and leave the old keys out:\n\n{texts}\n")
    return _validated(values, source)


def _validated(values: Mapping[str, object], source: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ProfileError(f"{source}: {explain(error, values)}") from error


def override(settings: Settings, assignments: list[str]) -> Settings:
    """The settings with some values replaced.

    Args:
        settings: Of a profile.
        assignments: ``section.key=value``, the value as in TOML; text may go without quotes. A stage is addressed by
            its name or its number from 0: ``training.stages.csr.steps=4``, ``training.stages.0.steps=4``.

    Raises:
        ProfileError: An assignment has no ``=``, names an unknown key or stage, or has a wrong value.
    """
    if not assignments:
        return settings
    values = settings.model_dump(mode="json")
    stages = list(values["training"]["stages"])
    for assignment in assignments:
        _assign(values, assignment)
    changes = find_changes(values, stages)
    if changes:
        texts = "\n".join(change.as_option() for change in changes)
        raise OlderForm(f"--set has an older form of the settings. Write instead:\n{texts}")
    return _validated(values, "--set")


def _assign(values: dict[str, object], assignment: str) -> None:
    name, equals, text = assignment.partition("=")
    if not equals:
        raise ProfileError(f"--set {assignment!r} has no '='. Expected section.key=value.")
    *sections, key = name.split(".")
    target: object = values
    for depth, section in enumerate(sections):
        path = ".".join(sections[:depth])
        if isinstance(target, list):
            target = target[number_of(target, section, f"--set {assignment!r}: {path!r}")]
        elif isinstance(target, dict):
            target = target.setdefault(section, {})
        if not isinstance(target, dict | list):
            raise ProfileError(f"--set {assignment!r}: {section!r} is a value, not a section.")
    if isinstance(target, list):
        target[number_of(target, key, f"--set {assignment!r}: {'.'.join(sections)!r}")] = _value(text, assignment)
    elif isinstance(target, dict):
        target[key] = _value(text, assignment)


def _value(text: str, assignment: str) -> object:
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # text without quotes
        return text
    if list(found) != ["value"]:
        raise ProfileError(f"--set {assignment!r} sets more than one value. Give each an option --set of its own.")
    return found["value"]
