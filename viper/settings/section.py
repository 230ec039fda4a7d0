"""What all parts of the settings share: the frozen section, and the kinds of values that several of them hold."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class Section(BaseModel):
    """A part of a profile. It is frozen; unknown keys, infinite numbers and NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _is_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name. Use 1 to 64 lower case letters, digits, dashes and dots, the first of them a "
            "letter or a digit."
        )
    return text


def _is_word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name. Use 1 to 64 lower case letters, digits and dashes, the first of them a letter or "
            "a digit."
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
