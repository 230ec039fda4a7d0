"""MMStar (arXiv 2403.20330): 1,500 questions that cannot be answered without looking; accuracy, six categories."""

from typing_extensions import override

from models.suites.reading import split_options
from models.suites.suite import Cells, Suite, lettered


class MMStar(Suite):
    """Option letters. The hub's questions list their options in one line; they are asked as VLMEvalKit asks them."""

    name = "MMStar"
    rows = 1_500
    hub = "Lin-Chen/MMStar"
    hub_columns = ("index", "question", "image", "answer", "category")

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        stem, options = split_options(str(row["question"]))
        if not options:
            raise ValueError("no options stand in the question")
        return {**row, "question": stem, **lettered(options)}
