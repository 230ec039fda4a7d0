"""Runs the command line, or the training process, and sends SIGKILL at the places that the plan names.

    python tests/kill/victim.py viper resume shapes
    python tests/kill/victim.py -m tasks.training_process SPEC.json     (as ``training.launcher``)

``KILL_PLAN`` holds the plan (see ``tests.kill.plan``), ``KILL_LOG`` a file to which every process appends what it
does, a JSON line each: that is how repeated work is counted.
"""

import dataclasses
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

PLAN: list[dict[str, Any]] = json.loads(os.environ.get("KILL_PLAN", "[]"))


def note(event: str, **facts: object) -> None:
    line = json.dumps({"event": event, "pid": os.getpid(), "time": time.time(), **facts}) + "\n"
    descriptor = os.open(os.environ["KILL_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def strike(kill: dict[str, Any]) -> None:
    note("kill", place=kill["place"], target=kill["target"])
    if kill["server"]:
        os.killpg(int(Path(kill["server"]).read_text()), 9)
    else:
        os.kill(os.getpid(), 9)


def visit(place: str) -> None:
    """The process is at ``place``; if the plan is to kill here, kill now or a moment later."""
    for kill in PLAN:
        if kill["place"] != place:
            continue
        kill["visits"] -= 1
        if kill["visits"] != 0:
            continue
        if kill["delay_s"] > 0:
            timer = threading.Timer(kill["delay_s"], strike, [kill])
            timer.daemon = True
            timer.start()
        else:
            strike(kill)


def watch_steps() -> None:
    """Note when a step begins to compute and when its artifact is committed. Before the flows import ``perform``."""
    from tasks import step as steps

    real = steps.perform

    def perform(step: Any, inputs: Any, worker: Any) -> Any:
        place, began, key = f"training {inputs.stage.name}" if step.progress else step.name, [], step.key(inputs)

        def counted(inputs: Any, worker: Any) -> Any:
            began.append(True)
            note("begin", step=place, key=key)
            visit(f"inside {place}")
            return step.compute(inputs, worker)

        visit(f"before {place}")
        found = real(dataclasses.replace(step, compute=counted), inputs, worker)
        if began:
            note("done", step=place, key=key)
        visit(f"after {place}")
        return found

    steps.perform = perform


def watch_references() -> None:
    """Be inside the write of a reference: what makes an artifact visible."""
    from storage.bucket import Bucket
    from storage.folder import Folder

    for backend in (Folder, Bucket):
        real = backend.create

        def create(self: Any, key: str, data: bytes, real: Any = real) -> bool:
            if key.startswith("refs/"):
                parts = key.removesuffix(".json").split("/")
                shared = [name for name in ("datasets", "checkpoints", "champions") if name in parts]
                kind = parts[2] if parts[1] == "results" else shared[0] if shared else f"round's {parts[-1]}"
                visit(f"reference of {kind}")
            return bool(real(self, key, data))

        backend.create = create  # type: ignore[method-assign]


def watch_training() -> None:
    """Note steps and uploads of checkpoints."""
    from storage import uploads
    from tasks import training_process

    report, save = training_process._report, uploads.save_checkpoint

    def noted_report(progress: Path, step: int, figures: dict[str, float]) -> None:
        stage = json.loads((progress.parent / "spec.json").read_text())["inputs"]["stage"]["name"]
        note("step" if figures else "from", stage=stage, step=step)
        report(progress, step, figures)
        visit(f"step {step} of {stage}")

    def noted_save(store: Any, key: str, folder: Path, identity: Any) -> Any:
        note("upload", key=key)
        visit(f"upload of {identity['stage']}")
        ref = save(store, key, folder, identity)
        note("uploaded", key=key)
        return ref

    training_process._report = noted_report
    uploads.save_checkpoint = noted_save


def main() -> None:
    watch_references()
    if sys.argv[1:3] == ["-m", "tasks.training_process"]:
        from tasks import training_process

        for name, value in training_process.ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        watch_training()
        sys.exit(training_process.main(sys.argv[3:]))
    from viper.environment import prepare_environment

    prepare_environment()
    watch_steps()
    sys.argv = sys.argv[1:]
    from commands.cli import main as viper

    viper()


if __name__ == "__main__":
    main()
