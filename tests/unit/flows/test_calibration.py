"""The noise of the embedded painter, measured by the flow and by hand."""

from pathlib import Path

import numpy as np
import pytest

from flows.calibration import calibrate
from flows.start import open_store
from models.judges.pixels import local_distances
from models.payloads import Captions
from models.pipelines.painter import DiffusersPainter
from tasks.shards import read_payload, read_pictures
from tests.loop import cut_for


def test_the_unit_is_the_median_of_what_two_seeds_differ_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    cut = cut_for("pool.images_per_round=5", "synthesis.shard_images=3")
    found = calibrate(cut.settings)
    store = open_store()
    (captions,) = (store.find(key) for key in store.list("results/captions/"))
    (paintings,) = (store.find(key) for key in store.list("results/paintings/"))
    texts = read_payload(store, captions, Captions).root
    painter = DiffusersPainter(cut.settings.models.painter)
    others = painter.paint(list(texts.values()), [cut.seed(1, "noise").of(f"{image}/1") for image in texts])
    firsts = read_pictures(store, paintings)
    largest = [local_distances(firsts[image], other).max() for image, other in zip(texts, others, strict=True)]
    assert found.captions == 3
    assert found.unit == pytest.approx(float(np.median(largest)), rel=1e-4)
    assert found.mean_distance > 1
