"""MME-RealWorld, English (arXiv 2408.13257): large pictures, options A to E; accuracy, also by task and domain."""

from collections import defaultdict
from collections.abc import Sequence

from typing_extensions import override

from models.prompts import Wording
from models.suites.suite import Cells, Question, Reply, Suite, mean, unlabelled
from models.suites.tokens import LETTERS

PROMPT = (
    "{question} The choices are listed below:\n{options}\n"
    "Select the best answer to the above multiple-choice question based on the image. "
    "Respond with only the letter (A, B, C, D, or E) of the correct option. \nThe best answer is:"
)
"""The benchmark's own words, as VLMEvalKit asks them."""


class MMERealWorld(Suite):
    """Option letters; the last option says that the picture does not show it.

    A category is a task and a domain, such as ``Perception/Remote Sensing``.
    """

    name = "MME-RealWorld"
    rows = 23_609
    hub = "yifanzhang114/MME-RealWorld-Base64"
    hub_columns = ("index", "question", "multi-choice options", "bytes", "answer", "category")

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        return {**row, "image": row["bytes"], **unlabelled(row["multi-choice options"])}

    @override
    def options(self, row: Cells) -> tuple[str, ...]:
        found = super().options(row)
        if not found:
            raise ValueError("it has no options")
        bare = unlabelled(found)
        return tuple(bare.get(letter, "") for letter in LETTERS[: len(found)])

    @override
    def prompt(self, question: Question, wording: Wording) -> str:
        listed = (f"({letter}) {text}" for letter, text in zip(LETTERS, question.options, strict=False) if text)
        return PROMPT.format(question=question.text, options="\n".join(listed))

    @override
    def parts(self, replies: Sequence[Reply]) -> dict[str, float]:
        tasks: dict[str, list[float]] = defaultdict(list)
        for reply in replies:
            tasks[reply["category"].partition("/")[0]].append(reply["score"])
        return {name: mean(scores) for name, scores in sorted(tasks.items()) if name != "all"}
