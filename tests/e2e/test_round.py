"""One whole small round by the command line: killed and damaged, resumed, and ended in the same hashes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.objects import ObjectStore
from viper.records import RoundResult

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SMALL = [
    "pool.images_per_round=24",
    "synthesis.shard_images=12",
    "synthesis.critiques=2",
    "filter.seeds=1",
    "filter.min_samples=1",
    "filter.max_faithful_distance=0.05",
    "training.csr.steps=4",
    "training.csr.prompts_per_step=2",
    "training.csr.generations=4",
    "training.csr.micro_batch=8",
    "training.csr.updates_per_batch=1",
    "training.csr.checkpoint_steps=2",
    "training.vop.steps=4",
    "training.vop.prompts_per_step=2",
    "training.vop.generations=4",
    "training.vop.micro_batch=8",
    "training.vop.updates_per_batch=1",
    "training.vop.checkpoint_steps=2",
    "benchmarks.limit=12",
    "benchmarks.suites=['fine_perception', 'caption_fidelity']",
    "gate.resamples=100",
]


def _viper(home: Path, *arguments: str, **kwargs: object) -> "subprocess.Popen[str]":
    environment = {**os.environ, "VIPER_HOME": str(home), "PREFECT_HOME": str(home / "prefect")}
    command = [sys.executable, "-c", "from viper.cli import main; main()", *arguments]
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def _evolve(home: Path, *more: str) -> "subprocess.Popen[str]":
    return _viper(home, "evolve", *(part for one in SMALL for part in ("--set", one)), *more)


def _result(home: Path) -> RoundResult:
    store = ObjectStore(str(home / "store"))
    ref = store.find("evolutions/shapes/rounds/0001/verdict")
    assert ref is not None
    return RoundResult.model_validate(json.loads(store.read(ref, "round.json")))


def _hashes(home: Path) -> dict[str, str]:
    result = _result(home)
    store = ObjectStore(str(home / "store"))
    models = {key: store.manifest(ref) for key in store.list("results/model") if (ref := store.find(key))}
    weights = {key: manifest.entries["model.safetensors"].sha256 for key, manifest in models.items()}
    replies = {
        key: store.manifest(ref).entries["replies.jsonl"].sha256
        for key in store.list("results/replies")
        if (ref := store.find(key))
    }
    data = {stage: ref.uri for stage, ref in result.datasets.items()}
    return {**weights, **replies, **data}


def _damage_dataset(home: Path) -> None:
    """Flip a byte of the VOP dataset's rows."""
    store = ObjectStore(str(home / "store"))
    (key,) = store.list("evolutions/shapes/rounds/0001/datasets/vop")
    ref = store.find(key)
    assert ref is not None
    rows = next(blob for name, blob in store.manifest(ref).entries.items() if name.endswith(".parquet"))
    path = home / "store" / "objects" / "sha256" / rows.sha256[:2] / rows.sha256
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _kill_when(process: "subprocess.Popen[str]", mark: str) -> str:
    seen = ""
    assert process.stdout is not None
    for line in process.stdout:
        seen += line
        if mark in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    process.wait(timeout=60)
    return seen


def test_a_round_that_is_killed_twice_and_damaged_ends_in_the_hashes_of_one_that_is_not(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = _evolve(whole)
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output
    assert "Round 1:" in output
    assert (whole / "reports" / "shapes" / "round-0001.html").stat().st_size > 10_000

    assert "critique shard 0" in _kill_when(_evolve(broken), "critique shard 0")
    time.sleep(1)
    seen = _kill_when(_viper(broken, "resume"), "train csr")
    assert "done before, reused" in seen
    _damage_dataset(broken)
    process = _viper(broken, "resume")
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output
    assert "It is forgotten, and the round starts again." in output
    assert "paint shard 1: done before, reused" in output
    assert _hashes(broken) == _hashes(whole)

    process = _evolve(whole)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "Round 1 is finished: skipped." in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evolve", "--profile", "shpes"], "Did you mean 'shapes'"),
        (["evolve", "--rounds", "0"], "expected at least 1"),
        (["evolve", "--set", "pool.uri=./no-such-folder"], "There are no images in"),
        (["evolve", "--set", "models.painter.path=./nothing"], "There is no folder ./nothing"),
        (["evolve", "--set", "benchmarks.suites=['mmstar']"], "Unknown suites mmstar"),
        (["resume", "nothing"], "There is no evolution 'nothing'"),
    ],
)
def test_a_mistake_ends_in_one_line_and_code_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    process = _viper(tmp_path, *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert message in output
    assert "Traceback" not in output


def test_an_unusable_pool_is_refused_before_any_work(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    pool.mkdir()
    for number in range(4):
        (pool / f"{number}.png").write_bytes(b"\x89PNG broken")
    process = _viper(tmp_path, "evolve", "--set", f"pool.uri={pool}")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert "4 of 4 images" in output
