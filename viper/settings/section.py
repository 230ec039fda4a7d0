"""What all parts of the settings share: the frozen section, and the kinds of values that several of them hold."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DEVICE = re.compile(r"(?:cpu|cuda|xpu|hpu|npu|mps)(?::\d{1,3})?")


class Section(BaseModel):
    """A part of a profile. It is frozen; unknown keys, values of another kind, infinite numbers and NaN are errors."""

    # Strict: without it, true would be the number 1. Fields of several values say strict=False, since TOML has lists.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


def _named(text: str, form: re.Pattern[str], marks: str) -> str:
    if not form.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name. Use 1 to 64 lower case letters, digits{marks}, the first and the last of them a "
            "letter or a digit."
        )
    return text


def _is_name(text: str) -> str:
    return _named(text, _NAME, ", dashes and dots")


def _is_word(text: str) -> str:
    return _named(text, _WORD, " and dashes")


def _is_device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise ValueError(
            f"{text!r} is no torch device. Use cpu, cuda, xpu, hpu, npu or mps, with a number if there are several, "
            "such as cuda:1."
        )
    return text


def _is_written(text: str) -> str:
    if not text.strip():
        raise ValueError(f"the text is blank (found {text!r}). Write what is meant, or leave the key out.")
    return text


Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, in [0, 1]."""
Count = Annotated[int, Field(ge=1)]
"""A number of things, at least one."""
Name = Annotated[str, AfterValidator(_is_name)]
"""A name that becomes part of keys in the store and of names in Prefect and MLflow."""
Word = Annotated[str, AfterValidator(_is_word)]
"""A name without dots, by which one of several things is chosen, such as a lesson, a world or a kind of judge."""
Text = Annotated[str, AfterValidator(_is_written)]
"""A text that is not blank."""
Device = Annotated[str, AfterValidator(_is_device)]
"""A torch device, such as ``cpu``, ``cuda`` or ``cuda:1``."""
