"""HallusionBench (arXiv 2310.14566): yes/no questions in sets over figures; the mean of aAcc, fAcc and qAcc.

aAcc is the share of right rows, fAcc of figures with all their rows right, qAcc of questions that are right on every
figure of their set. What is neither yes nor no is wrong.

The categories VD and VS both have a sub-category ``ocr`` with sets, figures and questions of the same numbers, so
everything is named with its category (``VD_ocr``): the 951 rows with a picture are 346 figures and 455 questions.
"""

from collections.abc import Sequence

from typing_extensions import override

from models.suites.extraction import extract_yes_no
from models.suites.reading import cell_text
from models.suites.suite import Cells, Question, Reply, Suite, all_right, mean


class HallusionBench(Suite):
    """A row's index ends in its set, its figure and its question; its category is the sub-category with its category.

    A unit is a set: its figures and questions belong to no other.
    """

    name = "HallusionBench"
    rows = 951
    hub = "lmms-lab-encoder/HallusionBench"
    hub_files = "*[!_]image-*.parquet"  # and not non_image-*.parquet
    hub_columns = ("category", "subcategory", "set_id", "figure_id", "question_id", "question", "gt_answer", "image")
    columns = ("index", "image", "question", "answer", "l2-category")
    whole_units = True

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        names = (row["category"], row["subcategory"], row["set_id"], row["figure_id"], row["question_id"])
        answer = {"0": "no", "1": "yes"}.get(str(row["gt_answer"]), str(row["gt_answer"]))
        return {**row, "index": "_".join(map(str, names)), "l2-category": row["subcategory"], "answer": answer}

    @override
    def question(self, row: Cells) -> Question:
        found = super().question(row)
        if len(found.index.split("_")) < 4:
            raise ValueError(f"the index {found.index!r} does not end in set, figure and question")
        return found

    @override
    def answer(self, cell: str, options: tuple[str, ...]) -> str:
        if cell.lower() not in ("yes", "no"):
            raise ValueError(f"the answer {cell[:40]!r} is neither yes nor no")
        return cell.lower()

    @override
    def category(self, row: Cells) -> str:
        category, name = cell_text(row, "category"), cell_text(row, "l2-category")
        return name if not category or name.startswith(f"{category}_") else f"{category}_{name}"

    @override
    def unit(self, question: Question, images: Sequence[str]) -> str:
        return f"{question.category}_{question.index.split('_')[-3]}"

    @override
    def score(self, question: Question, reply: str) -> float:
        return float(extract_yes_no(reply) == question.answer)

    @override
    def units(self, replies: Sequence[Reply]) -> list[float]:
        """What each set adds to the three shares, times the number of sets: their mean is exactly the score."""
        added: dict[str, float] = dict.fromkeys((reply["unit"] for reply in replies), 0.0)
        for reply in replies:
            added[reply["unit"]] += reply["score"] / len(replies) / 3
        for level in _levels(replies):
            for (unit, _), right in level.items():
                added[unit] += right / len(level) / 3
        return [share * len(added) for share in added.values()]

    @override
    def parts(self, replies: Sequence[Reply]) -> dict[str, float]:
        figures, questions = (mean(list(level.values())) for level in _levels(replies))
        return {"aAcc": mean([reply["score"] for reply in replies]), "fAcc": figures, "qAcc": questions}


def _levels(replies: Sequence[Reply]) -> tuple[dict[tuple[str, str], float], ...]:
    """Figures and questions, each named after its set: 1 where all rows are right."""
    places = [(reply["unit"], *reply["index"].split("_")[-2:]) for reply in replies]
    figures = all_right([(unit, figure) for unit, figure, _ in places], replies)
    questions = all_right([(unit, question) for unit, _, question in places], replies)
    return figures, questions
