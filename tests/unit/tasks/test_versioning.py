"""What becomes a dataset version, and whether it is worth a training."""

from pathlib import Path

import numpy as np
import pytest

from storage.datasets import write_dataset
from storage.images import encode_png
from storage.objects import ObjectStore
from tasks.training import has_lessons
from tasks.versioning import balance_nothing
from viper.environment import store_root
from viper.profiles import load_profile, override

NOTHING = "nothing to correct."


def rows(correcting: int, silent: int) -> list[dict[str, object]]:
    truths = [["the object at the top left is teal, not green."]] * correcting + [[NOTHING]] * silent
    return [{"id": f"r{number}", "truth": truth} for number, truth in enumerate(truths)]


@pytest.mark.parametrize(
    ("correcting", "silent", "kept_silent"),
    [
        (80, 100, 20),  # a fifth of 100
        (80, 10, 10),  # fewer than a fifth
        (5, 295, 27),  # a champion whose captions are right: 32 rows in all
        (0, 10, 10),
    ],
)
def test_samples_without_a_correction_are_balanced_but_never_below_the_least(
    correcting: int, silent: int, kept_silent: int
) -> None:
    kept, left_out, instructive = balance_nothing(rows(correcting, silent), 0.2, 32, np.random.default_rng(0))
    assert (len(kept), left_out, instructive) == (correcting + kept_silent, silent - kept_silent, correcting)
    assert sum(row["truth"] != [NOTHING] for row in kept) == correcting


def test_a_stage_without_anything_to_teach_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from PIL import Image

    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    png = encode_png(Image.new("RGB", (4, 4)))
    row = {"id": "a", "images": [png], "prompt": "p", "truth": [NOTHING], "meta": "{}"}
    store = ObjectStore(store_root())
    versions = {
        task: write_dataset(store, f"d/{task}", [row], {"instructive": count}, 0)
        for task, count in (("csr", 5), ("vop", 40))
    }
    settings = override(load_profile("shapes"), ["filter.min_samples=32"])
    caplog.set_level("INFO", logger="viper")
    assert not has_lessons(settings, "csr", versions)
    assert "stage csr is left out: 5 samples" in caplog.text
    assert has_lessons(settings, "vop", versions)
    assert has_lessons(settings, "mixed", versions)
    assert has_lessons(settings, "vop-sft", versions)
