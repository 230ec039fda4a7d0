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


def test_an_ablation_compares_its_variants_on_the_same_questions(tmp_path: Path) -> None:
    variants = ("--variants", "two-stage,sft,true-labels", "--seeds", "17")
    changed = ["training.sft.steps=2", "benchmarks.suites=['fine_perception']", "filter.enabled=false"]
    settings = [part for one in (*SMALL, *changed) for part in ("--set", one)]
    process = _viper(tmp_path, "ablate", *variants, *settings)
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output
    table = (tmp_path / "reports" / "shapes" / "ablation.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in table] == ["variant", "---", "two-stage", "sft", "true-labels"]
    store = ObjectStore(str(tmp_path / "store"))
    assert len(list(store.list("results/model"))) == 6  # two stages, three times; nothing in common


FORBID = "scene.render = scene.sample_scene = scene.shape_mask = forbidden"
WITHOUT_RENDERER = f"""
import sys
import models.shapes.scene as scene

def forbidden(*_, **__):
    raise AssertionError("the loop asked the renderer")

{FORBID}
from flows.synthesis import synthesis
from tasks.versioning import rows_sha256
from viper.environment import prepare_environment
from viper.settings import load_profile, override
prepare_environment()
made = synthesis(settings=override(load_profile("shapes"), sys.argv[1:]))
print("ROWS", {{stage: rows_sha256(ref) for stage, ref in made.datasets.items()}})
"""


SUITES_ALONE = """
import sys
from tasks.evaluation import fix_suite
from viper.environment import prepare_environment
from viper.settings import load_profile, override
prepare_environment()
settings = override(load_profile("shapes"), sys.argv[1:])
for suite in settings.benchmarks.suites:
    fix_suite(settings, suite)
"""


def test_the_loop_needs_nothing_but_the_pictures(tmp_path: Path) -> None:
    """A pool of PNG files alone, with the renderer taken away, gives the rows that the embedded pool gives."""
    from models.shapes.pool import draw_pictures
    from tasks.step import seed_of
    from viper.settings import load_profile, override

    small = [*SMALL, "pool.images_per_round=12"]
    settings = override(load_profile("shapes"), small)
    folder = tmp_path / "pool"
    folder.mkdir()
    for number, png in enumerate(draw_pictures(seed_of(settings, 1, "pool"), 12)):
        (folder / f"{number}.png").write_bytes(png)
    found = []
    for home, uri in ((tmp_path / "a", "shapes:"), (tmp_path / "b", str(folder))):
        script = WITHOUT_RENDERER if uri != "shapes:" else WITHOUT_RENDERER.replace(FORBID, "")
        environment = {**os.environ, "VIPER_HOME": str(home), "PREFECT_HOME": str(tmp_path / "prefect")}
        # The benchmarks alone may ask the renderer; the pool is compared with their pictures.
        for code in (SUITES_ALONE, script):
            command = [sys.executable, "-c", code, *small, f"pool.uri={uri}"]
            process = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=600, check=False)
            assert process.returncode == 0, process.stdout + process.stderr
        found.append(process.stdout.split("ROWS")[1])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evolve", "--profile", "shpes"], "Did you mean 'shapes'"),
        (["evolve", "--rounds", "0"], "expected at least 1"),
        (["evolve", "--set", "pool.uri=./no-such-folder"], "There are no images in"),
        (["evolve", "--set", "models.painter.path=./nothing"], "There is no folder ./nothing"),
        (["evolve", "--set", "benchmarks.suites=['mmstar']"], "Unknown suite 'mmstar'"),
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
