"""BLINK (arXiv 2404.12390): 14 tasks of visual perception, up to four images a question; accuracy, also by task."""

from typing_extensions import override

from models.suites.suite import Cells, Suite, lettered


class Blink(Suite):
    """Option letters; answers are written ``(A)``."""

    name = "BLINK"
    rows = 1_901
    pictures = 4
    hub = "BLINK-Benchmark/BLINK"
    hub_files = "*val-*.parquet"
    hub_columns = ("idx", "question", "choices", "image_1", "answer", "sub_task")

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        images = [row.get(f"image_{place}") for place in range(1, 5)]
        changed = {"index": row["idx"], "category": row["sub_task"], "image": [one for one in images if one]}
        return {**row, **changed, **lettered(row["choices"])}
