"""Mantis-Eval (arXiv 2405.01483): 217 questions over several images; option letters and short answers."""

import re

from typing_extensions import override

from models.suites.extraction import says
from models.suites.suite import Cells, Question, Suite, lettered, split_label

SHORT = "Answer the question using a single word or phrase."


class MantisEval(Suite):
    """Short answers are right where the reply contains them."""

    name = "Mantis-Eval"
    hub = "TIGER-Lab/Mantis-Eval"
    hub_files = "*test-*.parquet"
    hub_columns = ("question_type", "question", "options", "images", "answer")

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        text, images = str(row["question"]), row["images"]
        text = re.sub(r"^(?:\s*<image>)+", "", text)
        # Images come before the text; what is left of the placeholders says which one is meant.
        for place in range(len(images)):
            text = text.replace("<image>", f"image {place + 1}", 1)
        choice = row["question_type"] == "multi-choice"
        options = [split_label(option)[1] for option in row["options"]] if choice else []
        text = text.strip() if choice else f"{text.strip()}\n{SHORT}"
        return {**row, "index": row.get("id") or number, "image": images, "question": text, **lettered(options)}

    @override
    def score(self, question: Question, reply: str) -> float:
        return super().score(question, reply) if question.options else float(says(reply, question.answer))
