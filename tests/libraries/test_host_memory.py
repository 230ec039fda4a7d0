"""A long training keeps the memory of its process: nothing of a step that is over is held."""

import io
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import pytest
from datasets import Dataset, Features, Image, List, Value
from numpy.typing import NDArray
from PIL.Image import fromarray

from models.grpo_reports import Reports
from tests.grpo import TEXT, random_model, trainer_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    # TRL 1.16 still reads a property that transformers 5.23 renamed.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning"),
]

STEPS, ROWS = 200, 100
PICTURE_BYTES = 192 * 192 * 3


def test_the_memory_of_a_training_is_flat_over_200_steps(tmp_path: Path) -> None:
    """Were decoded pictures held, 125 steps would add 125 x 2 rows x 2 pictures: 55 MB. A quarter of it is refused."""
    rng = np.random.default_rng(0)
    pictures = [
        [{"bytes": _png(rng.integers(0, 255, (192, 192, 3), dtype=np.uint8)), "path": None} for _ in range(2)]
        for _ in range(ROWS)
    ]
    columns = {"prompt": [TEXT] * ROWS, "images": pictures, "truth": ["the disk is red, not blue."] * ROWS}
    features = Features({"prompt": Value("string"), "images": List(Image()), "truth": Value("string")})
    rows, resident = Dataset.from_dict(columns, features=features), dict[int, int]()
    reports = Reports(lambda step, _: resident.__setitem__(step, psutil.Process().memory_info().rss), lambda *_: None)
    trainer_of(random_model(tmp_path / "vlm"), rows, tmp_path, [reports], steps=STEPS, checkpoint_steps=50).train()
    before, after = (median(resident[step] for step in range(end - 24, end + 1)) for end in (75, STEPS))
    print(f"{before / 1e6:.1f} MB about step 63, {after / 1e6:.1f} MB about step 188")
    assert len(resident) == STEPS
    assert after - before < 125 * 2 * 2 * PICTURE_BYTES / 4


def _png(pixels: NDArray[np.uint8]) -> bytes:
    data = io.BytesIO()
    fromarray(pixels).save(data, "PNG")
    return data.getvalue()
