"""Profiles: TOML files that become settings, and settings that are overridden one by one.

Unknown keys are refused with the nearest known one, and the older form of the settings with what to write instead.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from viper.errors import ProfileError
from viper.old_form import find_changes
from viper.profile_errors import explain
from viper.settings import Settings
from viper.tables import number_of

PROFILES_FOLDER = Path(__file__).resolve().parent.parent / "deployments" / "profiles"


def profile_names() -> list[str]:
    """The names of the shipped profiles, sorted."""
    return sorted(path.stem for path in PROFILES_FOLDER.glob("*.toml"))


def load_profile(name_or_path: str) -> Settings:
    """Settings from a shipped profile (by name) or a TOML file (by path).

    Raises:
        ProfileError: There is no such profile, it is not TOML, or a value or key in it is wrong.
    """
    is_path = name_or_path.endswith(".toml")
    path = Path(name_or_path) if is_path else PROFILES_FOLDER / f"{name_or_path}.toml"
    try:
        found = path.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        found = False
    if not found:
        known = profile_names()
        if is_path:
            raise ProfileError(f"There is no file {path}. Give a path to a .toml file or one of: {', '.join(known)}.")
        near = difflib.get_close_matches(name_or_path, known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ProfileError(f"There is no profile {name_or_path!r}. {hint}Known profiles: {', '.join(known)}.")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also bytes that are no UTF-8, and lists without end
        raise ProfileError(f"{path.name} is not valid TOML: {error}.") from error
    return parse_settings(values, path.name)


def parse_settings(values: Mapping[str, object], source: str) -> Settings:
    """Settings from plain values; ``source`` names them in errors.

    Raises:
        ProfileError: A key is unknown (the nearest known one is named), missing, or has a wrong value; or the values
            have the form of an earlier version (what to write instead is given).
    """
    changes = find_changes(values)
    if changes:
        texts = "\n\n".join(change.as_profile() for change in changes)
        raise ProfileError(
            f"{source} has an older form of the settings. Write, and leave the old keys out:\n\n{texts}\n"
        )
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
        raise ProfileError(f"--set has an older form of the settings. Write instead:\n{texts}")
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
        target[number_of(target, key, f"--set {assignment!r}: {'.'.join(sections)!r}")] = _value(text)
    elif isinstance(target, dict):
        target[key] = _value(text)


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # text without quotes
        return text
