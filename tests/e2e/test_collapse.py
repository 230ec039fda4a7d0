"""A healthy round gains; with a reward of precision alone, at a high rate, it is caught as a collapse."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.objects import ObjectStore
from viper.records import RoundResult

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

SMALL = [
    "pool.images_per_round=96",
    "synthesis.shard_images=48",
    "synthesis.critiques=2",
    "filter.seeds=1",
    "filter.min_samples=1",
    # One stage alone: it teaches most.
    "training.stages=[{lessons=['vop'], objective='grpo', steps=12, prompts_per_step=16, generations=8, "
    "micro_batch=128, "
    "updates_per_batch=2, learning_rate=2e-3, warmup_steps=2, max_completion_tokens=56, checkpoint_steps=4}]",
    "benchmarks.limit=150",
    "benchmarks.suites=['fine_perception', 'caption_fidelity']",
    "gate.resamples=200",
    "collapse.window_prompts=16",
]
BROKEN = ["evolution=broken", "training.reward.coverage_weight=0.0", "training.stages.vop.learning_rate=0.2"]


def _evolve(home: Path, *more: str) -> str:
    environment = {**os.environ, "VIPER_HOME": str(home), "PREFECT_HOME": str(home / "prefect")}
    settings = [part for one in (*SMALL, *more) for part in ("--set", one)]
    command = [sys.executable, "-c", "from commands.cli import main; main()", "evolve", "--rounds", "1", *settings]
    process = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=900, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout + process.stderr


def _result(home: Path, evolution: str) -> RoundResult:
    store = ObjectStore(str(home / "store"))
    ref = store.find(f"evolutions/{evolution}/rounds/0001/verdict")
    assert ref is not None
    return RoundResult.model_validate(json.loads(store.read(ref, "round.json")))


def test_a_healthy_round_gains_and_a_collapse_ends_training_and_evolution(tmp_path: Path) -> None:
    _evolve(tmp_path)
    healthy = _result(tmp_path, "shapes")
    assert healthy.verdict.mean is not None
    gain = healthy.verdict.mean.against_base
    # A small round gains, too, and certainly: with this seed +2.8 [+1.5, +4.8] points.
    assert gain.low > 0, healthy.verdict.reason
    assert (healthy.verdict.decision, healthy.champion_after) == ("promote", healthy.candidate)

    output = _evolve(tmp_path, *BROKEN)  # the same data is found; the training alone is another
    collapsed = _result(tmp_path, "broken")
    assert collapsed.verdict.decision == "collapse"
    assert "of the training" in collapsed.verdict.reason
    assert "collapse." in collapsed.verdict.reason  # the threshold by name
    assert collapsed.champion_after == collapsed.candidate == collapsed.base
    assert "the evolution stops here" in output
    assert b"Collapse." in ObjectStore(str(tmp_path / "store")).read(collapsed.report, "report.html")
    assert not list(ObjectStore(str(tmp_path / "store")).list("evolutions/broken/champions"))

    # As if it had been killed before it wrote down the round: the verdict is found, and nothing is trained again.
    (tmp_path / "store" / "refs" / "evolutions" / "broken" / "rounds" / "0001" / "verdict.json").unlink()
    output = _evolve(tmp_path, *BROKEN)
    assert _result(tmp_path, "broken").verdict == collapsed.verdict
    assert "training vop:" not in output
