"""Profiles: TOML files that become settings, and settings that are overridden one by one.

Unknown keys are refused with the nearest known one.
"""

import difflib
import tomllib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from viper.errors import ProfileError
from viper.settings import Settings

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
    if not path.is_file():
        known = profile_names()
        if is_path:
            raise ProfileError(f"There is no file {path}. Give a path to a .toml file or one of: {', '.join(known)}.")
        near = difflib.get_close_matches(name_or_path, known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ProfileError(f"There is no profile {name_or_path!r}. {hint}Known profiles: {', '.join(known)}.")
    try:
        return parse_settings(tomllib.loads(path.read_text()), path.name)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path.name} is not valid TOML: {error}.") from error


def parse_settings(values: dict[str, object], source: str) -> Settings:
    """Settings from plain values; ``source`` names them in errors.

    Raises:
        ProfileError: A key is unknown (the nearest known one is named), missing, or has a wrong value.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [_explain(dict(detail)) for detail in error.errors()]
        raise ProfileError(f"{source}: " + " ".join(lines)) from error


def _explain(detail: dict[str, object]) -> str:
    location = [str(part) for part in detail["loc"]]  # type: ignore[attr-defined]
    where = ".".join(location)
    if detail["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = difflib.get_close_matches(location[-1], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}."
        return f"Unknown key {where!r}; {hint}"
    if detail["type"] == "missing":
        return f"{where!r} is missing."
    found = "" if isinstance(detail["input"], dict) else f" (found {detail['input']!r})"
    return f"{where or 'profile'}: {detail['msg']}{found}."


def _known_keys(location: list[str]) -> list[str]:
    section: type[BaseModel] = Settings
    for part in location:
        annotation = section.model_fields[part].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            section = annotation
    return sorted(section.model_fields)


def override(settings: Settings, assignments: list[str]) -> Settings:
    """The settings with some values replaced.

    Args:
        settings: Of a profile.
        assignments: ``section.key=value``, the value as in TOML; text may go without quotes.

    Raises:
        ProfileError: An assignment has no ``=``, names an unknown key, or has a wrong value.
    """
    values = settings.model_dump(mode="json")
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ProfileError(f"--set {assignment!r} has no '='. Expected section.key=value.")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *sections, key = name.split(".")
        target = values
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise ProfileError(f"--set {assignment!r}: {section!r} is a value, not a section.")
        target[key] = value
    return parse_settings(values, "--set") if assignments else settings
