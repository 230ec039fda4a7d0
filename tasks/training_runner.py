"""Runs the training process, watches it, and never leaves it behind.

A process of its own gives the GPU's memory back, can be launched by ``accelerate``, and can be killed while it hangs in
C code, which no timeout inside Python can.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import viper.errors
from tasks.launchers import LAUNCHER_SPEAKS, find_launcher, first_to_fail
from tasks.training_spec import TrainingFailure, TrainingResult, TrainingSpec
from viper.errors import TrainingFailed, ViperError

POLL_S = 0.2
STACK_WAIT_S = 2.0
SHOWN_LINES = 15
ROOT = Path(__file__).resolve().parent.parent


def run_training(
    spec: TrainingSpec, hang_timeout_s: float, on_progress: Callable[[dict[str, Any]], None]
) -> TrainingResult:
    """Train in a process of its own and wait for it.

    Whatever ends this call, even KeyboardInterrupt, ends the process and all that it started.

    Args:
        spec: What to train. Its work folder is used by one training at a time.
        hang_timeout_s: The process is killed when it finished no step for this long, in seconds.
        on_progress: Called with each line of progress: ``step``, ``time`` (seconds since the epoch) and ``metrics``.
            The first line says from which step the training goes on. A resumed training repeats the steps since its
            checkpoint.

    Raises:
        TrainingFailed: The process died, hung (the message holds its last stack), or left no result.
        ViperError: What the process itself reported, as its own class: a missing model, a store that is away.
    """
    spec.file("").mkdir(parents=True, exist_ok=True)
    for left in ("result.json", "failure.json", "stacks.txt"):
        spec.file(left).unlink(missing_ok=True)
    spec.file("progress.jsonl").write_bytes(b"")
    spec.file("spec.json").write_text(spec.model_dump_json(indent=1))
    with spec.file("output.txt").open("wb") as output:
        process = subprocess.Popen(
            [*_command(spec.launcher), "tasks.training_process", str(spec.file("spec.json").resolve())],
            cwd=ROOT,
            env=_environment(spec),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _watch(process, spec, hang_timeout_s, on_progress)
        finally:
            _kill_group(process)
    if process.returncode != 0:
        raise _failure(spec, process.returncode)
    try:
        return TrainingResult.model_validate_json(spec.file("result.json").read_text())
    except (OSError, ValueError) as error:
        raise TrainingFailed(f"The training process ended without a result. {_last_lines(spec)}") from error


def _watch(
    process: "subprocess.Popen[bytes]",
    spec: TrainingSpec,
    hang_timeout_s: float,
    on_progress: Callable[[dict[str, Any]], None],
) -> None:
    """Forward progress until the process ends."""
    heard = time.monotonic()
    with spec.file("progress.jsonl").open("rb") as progress:
        while True:
            ended = process.poll() is not None
            for line in _new_lines(progress):
                heard = time.monotonic()
                on_progress(line)
            if ended:
                return
            if time.monotonic() - heard > hang_timeout_s:
                raise TrainingFailed(
                    f"The training process finished no step for {hang_timeout_s:.0f} s (training.hang_timeout_s) and "
                    "was killed. A resume goes on from the newest checkpoint. It was here:\n" + _stacks(process, spec)
                )
            time.sleep(POLL_S)


def _new_lines(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """The lines since the last call; one that is not whole yet is left for the next."""
    while (line := file.readline()).endswith(b"\n"):
        yield json.loads(line)
    file.seek(-len(line), os.SEEK_CUR)


def _command(launcher: Sequence[str]) -> list[str]:
    if not launcher:
        return [sys.executable, "-m"]
    return [find_launcher(launcher[0]), *launcher[1:], "-m"]


def _environment(spec: TrainingSpec) -> dict[str, str]:
    environment = {**os.environ, "VIPER_WATCHED": "1", "PYTHONUNBUFFERED": "1"}
    if spec.model.device == "cpu":
        environment.setdefault("OMP_NUM_THREADS", "1")
    elif not spec.launcher:
        # The trainer takes all GPUs that it sees, and one process cannot train on several.
        visible = environment.get("CUDA_VISIBLE_DEVICES", "").split(",")
        number = int(spec.model.device.partition(":")[2] or 0)
        environment["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) and visible[0] else str(number)
    return environment


def _stacks(process: "subprocess.Popen[bytes]", spec: TrainingSpec) -> str:
    """Where the threads of the process are: it writes them down when it is sent SIGUSR1."""
    try:
        os.killpg(process.pid, signal.SIGUSR1)
    except ProcessLookupError:
        return "(it had just ended)"
    time.sleep(STACK_WAIT_S)
    path = spec.file("stacks.txt")
    lines = path.read_text().splitlines() if path.exists() else []
    return "\n".join(lines[-3 * SHOWN_LINES :]) or "(before it could write its stack)"


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process and everything that it started; a group stays while any member of it lives."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _failure(spec: TrainingSpec, status: int) -> ViperError:
    if spec.file("failure.json").is_file():
        failure = TrainingFailure.model_validate_json(spec.file("failure.json").read_text())
        kind = getattr(viper.errors, failure.kind)
        error: ViperError = kind(failure.message, failure.key) if failure.key else kind(failure.message)
        return error
    lines, who = _last_lines(spec), "The training process"
    if (first := first_to_fail(spec.file("output.txt").read_text(errors="replace"))) is not None:
        rank, status = first
        who = f"Process {rank} of the training"
        if status < 0:
            lines = "The others were ended."
    if status < 0:
        hint = " The machine may have run out of memory." if status == -signal.SIGKILL else ""
        ended = f"was killed by {signal.Signals(-status).name}.{hint}"
    else:
        hint = " The memory is full: lower micro_batch of its stage." if "MemoryError" in lines else ""
        ended = f"ended with status {status}.{hint}"
    return TrainingFailed(f"{who} {ended} A resume goes on from the newest checkpoint. {lines}")


def _last_lines(spec: TrainingSpec) -> str:
    """Of the training's own words, before the launcher's."""
    text = spec.file("output.txt").read_text(errors="replace")
    own = text.partition(LAUNCHER_SPEAKS)[0].rpartition("\n")[0] if first_to_fail(text) else text
    return "Its last lines:\n" + "\n".join(own.splitlines()[-SHOWN_LINES:])
