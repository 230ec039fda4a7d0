"""What a benchmark suite is: where its rows come from, how they are asked, how replies are scored and aggregated."""

import math
import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from models.prompts import Wording
from models.reasoning import strip_reasoning
from models.suites.extraction import extract_letter, extract_yes_no, says_exactly
from models.suites.reading import cell_text, split_options
from models.suites.tokens import LETTERS

_LABEL = re.compile(
    rf"\s*(?:[(\uff08]\s*([{LETTERS}])\s*[)\uff09]|([{LETTERS}])(?:[.:)\uff0e\uff1a\uff09\u3001]|\s*$))"
)
"""Also in full-width marks, as Chinese texts write them."""

Cells = Mapping[str, Any]
"""A row of a file by column: texts from a TSV file; numbers, lists and image structs from parquet."""

Reply = Mapping[str, Any]
"""A scored reply: the fields of its ``Question``, ``reply`` (raw), ``score`` (in [0, 1]) and ``answered``."""


@dataclass(frozen=True)
class Question:
    """One row of a benchmark, without its images."""

    index: str
    text: str
    options: tuple[str, ...]
    """In the order of their letters; the text of a letter that the row leaves out is empty. None for yes/no and open
    questions."""
    answer: str
    """A letter where there are options."""
    category: str
    unit: str = ""
    """Rows of one unit are drawn together when questions are resampled; by default each row is one."""
    hint: str = ""


class Suite:
    """A benchmark of single-choice questions in VLMEvalKit's layout, scored by plain accuracy.

    A suite of its own kind replaces the methods in which it differs. ``from_hub`` brings the rows of its Hugging Face
    dataset into VLMEvalKit's layout, so that everything after it is the same for both sources.
    """

    name: ClassVar[str]
    hub: ClassVar[str] = ""
    """Dataset on the Hugging Face hub; empty if there is none."""
    hub_files: ClassVar[str] = "*.parquet"
    """Pattern of the paths of its parquet files, which begin with a slash: the split that is scored."""
    hub_columns: ClassVar[tuple[str, ...]] = ("question", "image", "answer")
    """Columns that those files must have."""
    columns: ClassVar[tuple[str, ...]] = ("index", "image", "question", "answer")
    """Columns that the TSV file must have."""
    rows: ClassVar[int] = 1_000
    """Rows of its published file, by which its cost is planned before it is read; a thousand where nobody knows."""
    pictures: ClassVar[int] = 1
    """Pictures that a row shows, as many as some rows have."""
    whole_units: ClassVar[bool] = False
    """Whether several rows make a unit. A limit then never takes a part of one."""

    def from_hub(self, row: Cells, number: int) -> Cells:
        """A parquet row in VLMEvalKit's layout; ``number`` counts rows from 0.

        Raises:
            ValueError: The row is broken.
        """
        return {"index": number, **row}

    def question(self, row: Cells) -> Question:
        """The question of a row in VLMEvalKit's layout.

        Raises:
            ValueError: The row is broken.
        """
        text, options = cell_text(row, "question"), self.options(row)
        if not text:
            raise ValueError("the question is empty")
        return Question(
            index=cell_text(row, "index"),
            text=text,
            options=options,
            answer=self.answer(cell_text(row, "answer"), options),
            category=self.category(row),
            hint=cell_text(row, "hint"),
        )

    def options(self, row: Cells) -> tuple[str, ...]:
        """The options in the order of their letters. As in VLMEvalKit, a letter without a text is none of them."""
        options = tuple(cell_text(row, letter) for letter in LETTERS)
        while options and not options[-1]:
            options = options[:-1]
        return options or split_options(cell_text(row, "question"))[1]

    def answer(self, cell: str, options: tuple[str, ...]) -> str:
        """The right answer as scoring takes it: a letter where there are options.

        Raises:
            ValueError: It is empty or none of the options.
        """
        if not cell:
            raise ValueError("the answer is empty")
        if not options:
            return cell
        known = [letter for letter, option in zip(LETTERS, options, strict=False) if option]
        letter = (cell if len(cell) == 1 else split_label(cell)[0]).upper()
        if letter in known:
            return letter
        if cell in options:
            return LETTERS[options.index(cell)]
        raise ValueError(f"the answer {cell[:40]!r} is none of the options {', '.join(known)}")

    def category(self, row: Cells) -> str:
        """The category under which the row is reported."""
        return cell_text(row, "category") or "all"

    def unit(self, question: Question, images: Sequence[str]) -> str:
        """What the question is resampled with; ``images`` are the hashes of its images."""
        return question.index

    def prompt(self, question: Question, wording: Wording) -> str:
        """The text that asks a question. Options that stand in the question are not listed again."""
        inside = split_options(question.text)[1] == question.options
        hint = f"Hint: {question.hint}\n" if question.hint else ""
        return hint + wording.ask(question.text, () if inside else question.options)

    def score(self, question: Question, reply: str) -> float:
        """The score of one reply, in [0, 1]: the right letter, or the exact text where there are no options."""
        if question.options:
            return float(extract_letter(reply, question.options) == question.answer)
        return float(says_exactly(reply, question.answer))

    def answered(self, question: Question, reply: str) -> bool:
        """Whether an answer, right or wrong, can be read in a reply. If not, the reply is wrong."""
        if question.options:
            return extract_letter(reply, question.options) is not None
        if question.answer.lower() in ("yes", "no"):
            return extract_yes_no(reply) is not None
        return strip_reasoning(reply) != ""

    def marks(self, question: Question, reply: str) -> dict[str, float | bool]:
        """``score``, and whether the reply is ``answered``: what is kept beside it."""
        score = self.score(question, reply)
        return {"score": score, "answered": score > 0 or self.answered(question, reply)}

    def units(self, replies: Sequence[Reply]) -> list[float]:
        """One number a unit, in the order of the questions; their mean is the suite's score.

        Statistics pair and resample these numbers, never rows: rows of a unit are not independent.
        """
        return [float(reply["score"]) for reply in replies]

    def unit_categories(self, replies: Sequence[Reply]) -> list[str]:
        """The category of each unit, in the order of ``units``. All rows of a unit have one."""
        if not self.whole_units:
            return [reply["category"] for reply in replies]
        return list({reply["unit"]: reply["category"] for reply in replies}.values())

    def parts(self, replies: Sequence[Reply]) -> dict[str, float]:
        """Further figures that the benchmark is known by, in [0, 1]."""
        return {}

    def aggregate(self, replies: Sequence[Reply]) -> dict[str, float]:
        """The score under ``score``, then ``parts``, then each category's score, all in [0, 1].

        Raises:
            ValueError: There are no replies.
        """
        if not replies:
            raise ValueError(f"{self.name} has no replies to aggregate.")
        by_category: dict[str, list[Reply]] = defaultdict(list)
        for reply in replies:
            by_category[reply["category"]].append(reply)
        found = {"score": mean(self.units(replies)), **self.parts(replies)}
        if len(by_category) > 1:
            found |= {name: mean(self.units(by_category[name])) for name in sorted(by_category)}
        return found


def mean(values: Sequence[float]) -> float:
    """Their mean, exact to the last bit whatever their order."""
    return math.fsum(values) / len(values)


def all_right(groups: Sequence[Hashable], replies: Sequence[Reply]) -> dict[Any, float]:
    """1 for each group whose replies are all right, 0 for the others, in order of appearance; one group a reply."""
    found: dict[Any, float] = {}
    for group, reply in zip(groups, replies, strict=True):
        found[group] = min(found.get(group, 1.0), float(reply["score"]))
    return found


def lettered(options: Sequence[str]) -> dict[str, str]:
    """Options as VLMEvalKit's columns.

    Raises:
        ValueError: There are more options than letters.
    """
    return dict(zip(LETTERS, options, strict=len(options) > len(LETTERS)))


def unlabelled(options: Sequence[str]) -> dict[str, str]:
    """Options as VLMEvalKit's columns, without the labels that they carry themselves, such as ``(A)``.

    Labels are labels only if every option that is not left empty has its own one; in whatever order they stand, a text
    keeps its letter.

    Raises:
        ValueError: There are more options than letters.
    """
    parts = [split_label(option) for option in options]
    by_label = {label: text for label, text in parts if label}
    there = sum(1 for option in options if option.strip())
    return by_label if len(by_label) == there and any(by_label.values()) else lettered(options)


def split_label(option: str) -> tuple[str, str]:
    """The letter in front of an option, such as ``(A)`` or ``A.``, empty if there is none; and the rest."""
    found = _LABEL.match(option)
    return (found[1] or found[2], option[found.end() :].strip()) if found else ("", option.strip())
