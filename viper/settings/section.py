"""What all parts of the settings share: the frozen section, and the kinds of values that several of them hold."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from viper.addresses import shown_address
from viper.places import BUCKETS, bucket_fault

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DEVICE = re.compile(r"(?:cpu|cuda|xpu|hpu|npu|mps)(?::\d{1,3})?")

_OTHER_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters but tabs and line ends, and what stands for bytes that are no UTF-8."""


class Section(BaseModel):
    """A part of a profile. It is frozen; unknown keys, values of another kind, infinite numbers and NaN are errors."""

    # Strict: without it, true would be the number 1. Fields of several values say strict=False, since TOML has lists.
    # Docstrings: the form that Prefect draws of the settings shows them as its help.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, strict=True, use_attribute_docstrings=True
    )

    @field_validator("*")
    @classmethod
    def _can_be_seen_and_sent(cls, value: object) -> object:
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and (found := _UNSENDABLE.search(text)):
                raise ValueError(
                    f"the text holds the character {found[0]!a}, which no path and no server takes (found {text!a}). "
                    "Leave it out."
                )
        return value


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


def _is_place(text: str) -> str:
    fault = bucket_fault(text) if text.startswith(BUCKETS) else ""
    if fault or (_OTHER_ADDRESS.match(text) and not text.startswith(BUCKETS)):
        raise ValueError(
            f"{shown_address(text)!r} is an address {fault or 'of another kind'}. Expected a folder or "
            "s3://BUCKET/PREFIX."
        )
    return text


def _is_pool(text: str) -> str:
    packed = text.removeprefix("tar:").removeprefix("parquet:")
    if packed == text or not packed.startswith("hf://datasets/"):
        _is_place(packed)
    return text


def _is_model(text: str) -> str:
    if "://" in text:
        raise ValueError(
            f"{shown_address(text)!r} is an address. Models are read from a folder or from the hub: copy it to a "
            "folder, or give its hub name."
        )
    return text


Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, in [0, 1]."""
Count = Annotated[int, Field(ge=1, lt=2**63)]
"""A number of things, at least one, that fits into the 64 bits of the libraries' whole numbers."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What random draws are derived from; it fits into 64 bits, too."""
Name = Annotated[str, AfterValidator(_is_name)]
"""A name that becomes part of keys in the store and of names in Prefect and MLflow."""
Word = Annotated[str, AfterValidator(_is_word)]
"""A name without dots, by which one of several things is chosen, such as a lesson, a world or a kind of judge."""
Text = Annotated[str, AfterValidator(_is_written)]
"""A text that is not blank."""
Place = Annotated[Text, AfterValidator(_is_place)]
"""Where files of others lie: a folder, an ``s3://`` prefix or the address of a world."""
PoolPlace = Annotated[Text, AfterValidator(_is_pool)]
"""Where a pool lies: a place; or one after ``tar:`` or ``parquet:``, which may then be ``hf://datasets/OWNER/NAME``."""
MaybeModelPath = Annotated[str, AfterValidator(_is_model)]
"""Where a model comes from: a folder, a hub name or the address of a world's model; or an empty text."""
ModelPath = Annotated[MaybeModelPath, AfterValidator(_is_written)]
"""The same, but not empty."""
LearningRate = Annotated[float, Field(gt=0, lt=1)]
"""In (0, 1): a step of the optimizer moves each weight by about so much, and few weights are larger than 1."""
Temperature = Annotated[float, Field(ge=0.01)]
"""Of sampling. Below 0.01 all replies to a prompt are the same, and scores divided by it leave the half formats."""
Device = Annotated[str, AfterValidator(_is_device)]
"""A torch device, such as ``cpu``, ``cuda`` or ``cuda:1``."""
