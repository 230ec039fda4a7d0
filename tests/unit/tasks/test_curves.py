"""Learning curves: what a training keeps of its steps, and how they are drawn."""

import math
import xml.etree.ElementTree as ElementTree

from transformers import TrainerState

from models.grpo_reports import curves
from models.payloads import Curves
from tasks.curves import ends_text, plot_curves, read_curves
from tasks.training_figures import in_words, stage_figures
from tests.loop import cut_for, stored, worker_for

GRPO = [
    {"step": 1.0, "reward": 0.4, "reward/precision": 0.5, "reward/coverage": 0.3, "entropy": 0.2, "loss": 0.1},
    {"step": 2.0, "loss": 0.05},
    {"step": 3.0, "reward": 0.6, "reward/precision": 0.7, "reward/coverage": 0.5, "entropy": 0.1, "loss": 0.0},
]
SFT = [{"step": 1.0, "loss": 2.0}, {"step": 2.0, "loss": 1.0}]


def words(svg: str) -> list[str]:
    found = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(element.itertext()) for element in found]


def test_a_stage_has_a_row_with_what_it_has_and_is_drawn_the_same_every_time() -> None:
    both = plot_curves({"csr": SFT, "vop": GRPO})
    assert {"vop: reward", "vop: entropy in nats", "vop: loss", "csr: loss", "precision", "coverage"} <= set(
        words(both)
    )
    assert not any("length" in text or text == "csr: reward" for text in words(both))
    assert both == plot_curves({"csr": SFT, "vop": GRPO})
    assert "reward" not in " ".join(words(plot_curves({"csr": SFT})))
    assert plot_curves({}) == plot_curves({"csr": []}) == ""


def test_a_trainings_curves_are_its_finite_figures_without_the_seconds() -> None:
    state = TrainerState()
    state.log_history = [
        {"loss": 0.5, "reward": 0.25, "step_time": 3.0, "grad_norm": math.nan, "step": 1, "epoch": 0.1},
        {"loss": 0.25, "entropy": 1.5, "step": 2, "epoch": 0.2},
        {"train_runtime": 9.0, "step": 2},
    ]
    expected = ({"step": 1.0, "loss": 0.5, "reward": 0.25}, {"step": 2.0, "loss": 0.25, "entropy": 1.5})
    kept = curves(state)
    assert kept.root == expected
    assert Curves.parse(kept.encoded()["curves.json"]) == kept


def test_trainings_of_earlier_versions_have_no_curves() -> None:
    store = worker_for(cut_for()).store
    old, new = stored("model"), stored("model", Curves(({"step": 1.0, "loss": 2.0},)))
    assert read_curves(store, {"csr": old, "vop": new}) == {"vop": ({"step": 1.0, "loss": 2.0},)}


def test_how_the_rollouts_were_stands_first_in_mlflow_and_in_words() -> None:
    named = stage_figures(GRPO[0])
    assert named == {
        "rollouts/reward": 0.4,
        "rollouts/precision": 0.5,
        "rollouts/coverage": 0.3,
        "rollouts/entropy": 0.2,
        "training/loss": 0.1,
    }
    assert in_words(GRPO[0]) == "reward 0.40, precision 0.50, coverage 0.30, entropy 0.20"
    assert ends_text(GRPO) == "reward 0.4 → 0.6, precision 0.5 → 0.7, coverage 0.3 → 0.5, entropy 0.2 → 0.1"
    assert ends_text(SFT) == "loss 2 → 1"
