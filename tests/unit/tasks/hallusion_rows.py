"""Rows with the structure of HallusionBench: two categories share sub-categories, sets and numbers.

The published benchmark has 1,129 rows, of which 178 (of the category VS) have no picture; the 951 others are about 346
figures and ask 455 questions.
"""

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image

# Sets as (number of figures, number of questions), so that the sums are the benchmark's: VD has 591 rows on pictures
# with 166 figures and 277 questions, VS 360 rows on pictures with 180 figures and 178 questions.
SETS = {
    "VD": [(3, 3)] * 11 + [(3, 4)] + [(2, 4)] * 45 + [(2, 3)] * 20,
    "VS": [(2, 2)] * 87 + [(3, 2)] * 2,
}
SUBCATEGORIES = {"VD": ["figure", "illusion", "math", "ocr", "video"], "VS": ["chart", "map", "ocr", "table"]}


def picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (number % 256, number // 256, 99)).save(buffer, "PNG")
    return buffer.getvalue()


def rows() -> Iterator[dict[str, Any]]:
    """The rows in the hub's columns; set numbers begin anew in each sub-category, as in the benchmark."""
    drawn = 0
    for category, sets in SETS.items():
        names = SUBCATEGORIES[category]
        for number, (figures, questions) in enumerate(sets):
            place = {
                "category": category,
                "subcategory": names[number % len(names)],
                "set_id": str(number // len(names)),
            }
            first = 0 if category == "VS" else 1  # figure 0 of VS is no picture
            for figure in range(first, figures + 1):
                drawn += 1
                for question in range(questions):
                    text = f"Is it {question}?"
                    answer = str((figure + question) % 2)
                    shown = {"bytes": picture(drawn), "path": "x.png"} if figure else None
                    yield {**place, "figure_id": str(figure), "question_id": str(question), "question": text,
                           "gt_answer": answer, "image": shown}  # fmt: skip
