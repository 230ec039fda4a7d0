"""Reads benchmark files in VLMEvalKit's TSV form, asks their questions, and scores replies without a judge.

Columns: ``index``, ``image`` (base64 of a picture, a JSON list of them, or the index of the row that holds it),
``question``, ``A``, ``B``, … (options), ``answer``, ``category``. Rows without options are yes/no questions, or
captions where the answer is a description.
"""

import base64
import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from models.prompts import Prompts
from models.vlm import Prompt
from viper.errors import SuiteError

if TYPE_CHECKING:
    from PIL.Image import Image

REQUIRED = ("index", "image", "question", "answer")
LETTERS = "ABCDEFGH"
MAX_IMAGE_BYTES = 50_000_000
_DESCRIBE = "caption_fidelity"


@dataclass(frozen=True)
class Question:
    """One row of a benchmark file."""

    index: str
    images: tuple[bytes, ...]
    text: str
    options: tuple[str, ...]
    answer: str
    category: str


def read_questions(file: IO[str], suite: str) -> Iterator[Question]:
    """The questions of a TSV file, one row in memory at a time.

    Raises:
        SuiteError: A column is missing, a row is broken, or its image is neither base64 nor another row's index.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.DictReader(file, delimiter="\t")
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or [])]
    if missing:
        found = ", ".join(reader.fieldnames or ["nothing"])
        raise SuiteError(f"{suite}.tsv lacks the columns {', '.join(missing)}. Found: {found}.")
    seen: dict[str, tuple[bytes, ...]] = {}
    for number, row in enumerate(reader, start=2):
        try:
            images = _images(row["image"], seen)
        except ValueError as error:
            raise SuiteError(f"{suite}.tsv, line {number}, index {row['index']!r}: {error}") from error
        seen[row["index"]] = images
        options = tuple(row[letter] for letter in LETTERS if row.get(letter))
        if not row["answer"]:
            raise SuiteError(f"{suite}.tsv, line {number}, index {row['index']!r}: the answer is empty.")
        yield Question(row["index"], images, row["question"], options, row["answer"], row.get("category") or "all")


def _images(cell: str, seen: dict[str, tuple[bytes, ...]]) -> tuple[bytes, ...]:
    if cell in seen:
        return seen[cell]
    encoded = json.loads(cell) if cell.startswith("[") else [cell]
    if any(len(one) > MAX_IMAGE_BYTES for one in encoded):
        raise ValueError(f"an image is larger than {MAX_IMAGE_BYTES} characters")
    if any(len(one) < 32 for one in encoded):
        raise ValueError(f"image {cell[:40]!r} is no base64 picture and no earlier row's index")
    return tuple(base64.b64decode(one, validate=True) for one in encoded)


def prompt_for(question: Question, prompts: Prompts) -> Prompt:
    """The user turn that asks a question."""
    pictures = tuple(_open(data) for data in question.images)
    return Prompt(prompts.ask(question.text, question.options), pictures)


def _open(data: bytes) -> "Image":
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = 200_000_000
    return Image.open(io.BytesIO(data)).convert("RGB")


def strip_tags(reply: str) -> str:
    """The reply without its reasoning: ``<think>…</think>`` removed, the inside of ``<answer>`` taken."""
    reply = re.sub(r"<think>.*?</think>", "", reply, flags=re.DOTALL)
    inside = re.search(r"<answer>(.*?)</answer>", reply, flags=re.DOTALL)
    return (inside[1] if inside else reply).strip()


def extract_letter(reply: str, options: tuple[str, ...]) -> str | None:
    """The option that a reply chooses, ``None`` if it chooses none or several.

    A single option letter among the words, else a single option whose text stands in the reply; never a guess.
    """
    text = strip_tags(reply)
    letters = LETTERS[: len(options)]
    words = re.sub(r"[()\[\]{}.,;:!?*\"'`]", " ", text).split()
    # A lone article "A" opens many sentences; as an answer it stands alone, first in brackets, or last.
    named = {word for word in words if word in letters and (word != "A" or len(words) <= 2 or word == words[-1])}
    if len(named) == 1:
        return named.pop()
    if named:
        return None
    lowered = text.lower()
    contained = [
        (letter, option)
        for letter, option in zip(letters, options, strict=True)
        if re.search(rf"(?<!\w){re.escape(option.lower())}(?!\w)", lowered)
    ]
    longest = [
        letter
        for letter, option in contained
        if not any(option != other and option.lower() in other.lower() for _, other in contained)
    ]
    return longest[0] if len(longest) == 1 else None


def extract_yes_no(reply: str) -> str | None:
    """``yes`` or ``no``, ``None`` if the reply says both or neither."""
    words = set(re.findall(r"[a-z]+", strip_tags(reply).lower()))
    said = words & {"yes", "no"}
    return said.pop() if len(said) == 1 else None


def score_reply(question: Question, reply: str, suite: str) -> float:
    """The score of one reply, in [0, 1]."""
    if suite == _DESCRIBE:
        return caption_fidelity(reply, question.answer)
    if question.options:
        return float(extract_letter(reply, question.options) == question.answer)
    return float(extract_yes_no(reply) == question.answer.strip().lower())


def caption_fidelity(caption: str, truth: str) -> float:
    """F1 of the facts (size, color, shape at a position) that a caption of the embedded world states, in [0, 1]."""
    from models.shapes.grammar import read_caption

    def facts(text: str) -> set[tuple[int, str, str]]:
        return {
            (thing.cell, name, getattr(thing, name))
            for thing in read_caption(text)
            for name in ("size", "color", "shape")
        }

    said, true = facts(caption), facts(truth)
    right = len(said & true)
    return 2 * right / (len(said) + len(true)) if said or true else 0.0
