"""A lesson with too few samples is left out, and said: the round goes on with the others, and collapses without any."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flows import round as rounds
from flows.synthesis import make_data
from storage.objects import ObjectStore
from tasks.step import Inputs, Step
from tests.loop import cut_for
from tests.unit.flows.test_walk import CUT, FACTS, Done, Recorder
from viper.errors import Collapsed, LessonLeftOut
from viper.records import Verdict

WHY = "the filter left 0 samples."
STAGE = "steps=8, rows_per_step=2, micro_batch=2, learning_rate=1e-3"
MIXED = f"training.stages=[{{lessons=['csr', 'vop'], objective='sft', {STAGE}}}]"
SAYS_NOTHING = {**FACTS["dataset"], "instructive": 0}


class Sparing(Recorder):
    """A recorder whose rounds leave no samples of some lessons."""

    def __init__(self, store: ObjectStore, without: Sequence[str]) -> None:
        super().__init__(store)
        self.without = without

    def submit(self, step: Step[Any], inputs: Inputs) -> Done:
        if step.name == "dataset" and getattr(inputs, "lesson", "") in self.without:
            raise LessonLeftOut(WHY)
        return super().submit(step, inputs)


def learned(folder: Path, *without: str, changes: Sequence[str] = ()) -> tuple[Sparing, Verdict]:
    """What a round did whose synthesis left some lessons without samples, and its verdict."""
    runner: Any = Sparing(ObjectStore(str(folder)), without)
    cut = cut_for("evolution=walk", "synthesis.shard_images=2", "benchmarks.suites=['counting']", *changes)
    made = make_data(runner, cut, 1, cut.base, {})
    _, verdict = rounds.make_candidate(runner, cut, 1, cut.base, made, {}, {})
    return runner, verdict


@pytest.mark.parametrize(("without", "stage"), [("vop", "csr"), ("csr", "vop")])
def test_the_stage_of_the_other_lesson_goes_on_and_the_verdict_says_what_was_left_out(
    tmp_path: Path, without: str, stage: str
) -> None:
    runner, verdict = learned(tmp_path, without)
    (trained,) = runner.given["model"]
    assert trained.stage.name == stage
    assert trained.start.model == CUT.base
    assert verdict.decision == "promote"
    assert verdict.reason == f"sees better Nothing is learned of {without}: {WHY}"


def test_a_stage_on_several_lessons_learns_those_that_are_there(tmp_path: Path) -> None:
    runner, verdict = learned(tmp_path, "csr", changes=[MIXED])
    (trained,) = runner.given["model"]
    assert (trained.stage.name, trained.stage.lessons) == ("csr-vop-sft", ("vop",))
    assert trained.datasets == tuple(runner.made["dataset"])
    assert verdict.reason.endswith(f"Nothing is learned of csr: {WHY}")


def test_a_round_that_left_nothing_to_learn_from_collapses_with_all_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Collapsed) as raised:
        learned(tmp_path, "csr", "vop")
    assert str(raised.value) == (f"Synthesis: Nothing is learned of csr: {WHY} Nothing is learned of vop: {WHY}")


def test_a_stage_whose_samples_say_nothing_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FACTS, "dataset", SAYS_NOTHING)
    runner, verdict = learned(tmp_path)
    assert "model" not in runner.given
    lack = "samples have something to teach; filter.min_samples is 32."
    assert verdict.reason == f"sees better Stage csr is left out: 0 {lack} Stage vop is left out: 0 {lack}"
