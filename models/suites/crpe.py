"""CRPE (arXiv 2402.19474): existence and relations of objects; a question is asked in four orders of its options.

It is right where all its rows are: so the benchmark counts, and VLMEvalKit since 2025. What VLMEvalKit reported before,
the share of right rows, is the part ``rows``. VLMEvalKit's files name pictures by ``image_path``.
"""

from collections.abc import Sequence
from hashlib import sha256

from typing_extensions import override

from models.suites.reading import split_options
from models.suites.suite import Cells, Question, Reply, Suite, all_right, mean


class Crpe(Suite):
    """Option letters. A unit is a question: one image, one text, one set of options, in any order."""

    hub = "nv-njb/CRPE"
    hub_columns = ("text", "image", "correct_option", "category")
    whole_units = True

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        return {"index": number, **row, "question": row["text"], "answer": row["correct_option"]}

    @override
    def unit(self, question: Question, images: Sequence[str]) -> str:
        parts = (*images, question.category, split_options(question.text)[0], *sorted(question.options))
        return sha256("\0".join(parts).encode()).hexdigest()[:16]

    @override
    def units(self, replies: Sequence[Reply]) -> list[float]:
        return list(all_right([reply["unit"] for reply in replies], replies).values())

    @override
    def parts(self, replies: Sequence[Reply]) -> dict[str, float]:
        return {"rows": mean([reply["score"] for reply in replies])}


class CrpeExist(Crpe):
    """Is it there, and which one?"""

    name = "CRPE_EXIST"
    hub_files = "*[eE][xX][iI][sS][tT]*.parquet"


class CrpeRelation(Crpe):
    """Subject, predicate and object of relations: the figure that papers report looks like this one."""

    name = "CRPE_RELATION"
    rows = 7_576
    hub_files = "*[rR][eE][lL][aA][tT][iI][oO][nN]*.parquet"
