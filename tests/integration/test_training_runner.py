"""How the training process is watched, with a stand-in for it: a script put in as its launcher."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.training_process import _averages
from tasks.training_runner import run_training
from tasks.training_spec import TrainingSpec
from tests.loop import training_inputs
from viper.errors import CorruptArtifact, StoreUnavailable, TrainingFailed
from viper.settings import GrpoStage, ModelSettings, VlmSettings

STAGE = GrpoStage(
    objective="grpo",
    lessons=("vop",),
    steps=4,
    prompts_per_step=2,
    learning_rate=1e-3,
    max_completion_tokens=6,
    checkpoint_steps=2,
    micro_batch=5,
)
PROGRESS = '{"step": %d, "time": 0.0, "metrics": {}}\n'
RESULT = '{"model_folder": "m", "steps": 4, "resumed_from": 0, "begin": {}, "end": {"reward": 0.5}}'


def spec_in(folder: Path, launcher: tuple[str, ...] = (), **changes: Any) -> TrainingSpec:
    spec = TrainingSpec(
        inputs=training_inputs(STAGE),
        store_root=str(folder / "store"),
        model=VlmSettings(path=str(folder / "vlm"), dtype="float32", device="cpu"),
        similarity=ModelSettings(path=str(folder / "similarity"), dtype="float32", device="cpu"),
        adapter="",
        code_version="1",
        launcher=launcher,
        work_folder=str(folder / "work"),
    )
    return spec.model_copy(update=changes)


def stand_in(folder: Path, body: str) -> tuple[str, ...]:
    """A launcher that does ``body`` in place of the training; ``work`` is the work folder."""
    script = folder / "stand-in"
    head = f"#!{sys.executable}\nimport json, os, sys, time\nwork = os.path.dirname(sys.argv[-1])\n"
    script.write_text(head + textwrap.dedent(body))
    script.chmod(0o755)
    return (str(script),)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended but was not waited for does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_progress_is_forwarded_and_the_result_returned(tmp_path: Path) -> None:
    body = f"""
        for step in range(3):
            open(work + "/progress.jsonl", "a").write({PROGRESS!r} % step)
        open(work + "/result.json", "w").write({RESULT!r})
    """
    lines: list[dict[str, Any]] = []
    result = run_training(spec_in(tmp_path, stand_in(tmp_path, body)), 60, lines.append)
    assert [line["step"] for line in lines] == [0, 1, 2]
    assert result.end == {"reward": 0.5}


def test_an_expected_error_comes_back_as_its_own_class(tmp_path: Path) -> None:
    body = """
        failure = {"kind": KIND, "message": "s3 is away:\\nfor now", "key": KEY}
        open(work + "/failure.json", "w").write(json.dumps(failure))
        sys.exit(3)
    """
    away = stand_in(tmp_path, f"KIND, KEY = 'StoreUnavailable', ''\n{textwrap.dedent(body)}")
    with pytest.raises(StoreUnavailable, match=r"^s3 is away:\nfor now$"):
        run_training(spec_in(tmp_path, away), 60, print)
    damaged = stand_in(tmp_path, f"KIND, KEY = 'CorruptArtifact', 'results/a/b'\n{textwrap.dedent(body)}")
    with pytest.raises(CorruptArtifact) as caught:
        run_training(spec_in(tmp_path, damaged), 60, print)
    assert caught.value.key == "results/a/b"
    # What an earlier process left behind is not taken for this one's.
    with pytest.raises(TrainingFailed, match="without a result"):
        run_training(spec_in(tmp_path, stand_in(tmp_path, "pass")), 60, print)


def test_a_crash_shows_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"status 1(.|\n)*ZeroDivisionError"):
        run_training(spec_in(tmp_path, stand_in(tmp_path, "1 / 0")), 60, print)


def test_a_full_memory_is_named_with_what_to_lower(tmp_path: Path) -> None:
    body = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28)); bytearray(2**30)"
    with pytest.raises(TrainingFailed, match=r"status 1\. The memory is full: lower micro_batch of its stage"):
        run_training(spec_in(tmp_path, stand_in(tmp_path, body)), 60, print)


def test_a_killed_process_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"SIGKILL\. The machine may have run out of memory"):
        run_training(spec_in(tmp_path, stand_in(tmp_path, "os.kill(os.getpid(), 9)")), 60, print)


def test_an_end_without_a_result_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="without a result"):
        run_training(spec_in(tmp_path, stand_in(tmp_path, "pass")), 60, print)


def test_a_hung_process_is_killed_with_all_it_started_and_its_stack_is_shown(tmp_path: Path) -> None:
    body = f"""
        import faulthandler, signal, subprocess
        faulthandler.register(signal.SIGUSR1, open(work + "/stacks.txt", "w"), all_threads=True)
        child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
        open(work + "/pids", "w").write(f"{{os.getpid()}} {{child.pid}}")
        open(work + "/progress.jsonl", "a").write({PROGRESS!r} % 0)
        def waits_for_ever():
            time.sleep(600)
        waits_for_ever()
    """
    with pytest.raises(TrainingFailed, match=r"no step for 8 s(.|\n)*waits_for_ever"):
        run_training(spec_in(tmp_path, stand_in(tmp_path, body)), 8, print)
    for pid in (tmp_path / "work" / "pids").read_text().split():
        wait_until_gone(int(pid))


def test_an_interrupted_call_leaves_no_process_behind(tmp_path: Path) -> None:
    body = f"""
        open(work + "/pid", "w").write(str(os.getpid()))
        open(work + "/progress.jsonl", "a").write({PROGRESS!r} % 0)
        time.sleep(600)
    """

    def interrupt(_: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(spec_in(tmp_path, stand_in(tmp_path, body)), 60, interrupt)
    wait_until_gone(int((tmp_path / "work" / "pid").read_text()))


def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    child = "import time, threading, tasks.training_process as p; threading.Thread(target=p._die_with_parent).start()"
    code = f"""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", {child!r} + "; time.sleep(600)"], stdin=subprocess.PIPE)
        print(child.pid, flush=True)
        time.sleep(600)
    """
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, cwd=root)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_until_gone(pid)


def test_checkpoints_of_other_settings_or_data_lie_elsewhere(tmp_path: Path) -> None:
    inputs = training_inputs(STAGE)
    others = [
        training_inputs(STAGE, seed=2),
        training_inputs(STAGE.model_copy(update={"steps": 5})),
        training_inputs(STAGE, fingerprint="d" * 64),
        training_inputs(STAGE, shared_prefix=False),
        training_inputs(STAGE, dataset="e" * 64),
    ]
    assert len({one.checkpoints for one in (inputs, *others)}) == 6
    # A training that a stricter rule ends goes on from its checkpoints when the rule is loosened.
    assert training_inputs(STAGE, min_entropy_nats=9.0).checkpoints == inputs.checkpoints
    # Other code meets the same checkpoints, and is refused there unless it is allowed.
    spec = spec_in(tmp_path)
    same = spec_in(tmp_path, work_folder="elsewhere", store_root="s3://bucket", code_version="2")
    assert same.inputs.checkpoint(3) == spec.inputs.checkpoint(3)
    assert same.checkpoint_identity != spec.checkpoint_identity


def test_figures_are_averaged_over_the_steps_that_have_them() -> None:
    assert _averages([{"a": 1.0, "b": 4.0}, {"a": 3.0}]) == {"a": 2.0, "b": 4.0}


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("os.kill(os.getpid(), 9)", r"^Process 1 of the training was killed by SIGKILL\. .* The others were ended\.$"),
        ("1 / 0", r"^Process 1 of the training ended with status 1\.(.|\n)*ZeroDivisionError[^\n]*$"),
    ],
)
def test_the_process_that_failed_is_named_and_not_its_launcher(tmp_path: Path, end: str, message: str) -> None:
    script = tmp_path / "two.py"
    script.write_text(f"import os, time\nif os.environ['RANK'] == '1':\n    {end}\ntime.sleep(600)\n")
    launcher = ("torchrun", "--nproc_per_node", "2", str(script))
    with pytest.raises(TrainingFailed, match=message):
        run_training(spec_in(tmp_path, launcher), 600, print)
