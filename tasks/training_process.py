"""The training process: ``python -m tasks.training_process SPEC.json``.

Reads a ``TrainingSpec``, goes on from the newest whole checkpoint in the store and stores new ones in the background.
Leaves in its work folder: ``progress.jsonl`` (a line a step: the heartbeat), ``curves.json``, ``model/`` and
``result.json``.
Exit status 3, the error in ``failure.json`` and one line on stderr, for an error that a person can act on.
"""

import faulthandler
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from storage.checkpoints import newest_checkpoint, restore_checkpoint
from storage.datasets import read_dataset
from storage.objects import ObjectStore
from storage.uploads import BackgroundUploader
from tasks.launchers import check_processes
from tasks.training_spec import CODE, TrainingFailure, TrainingResult, TrainingSpec
from viper.collector import resting_collector
from viper.errors import TrainingFailed, ViperError
from viper.records import Record
from viper.settings import ModelSettings, SftStage

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer

    from models.grpo_reports import Reports

_Located = TypeVar("_Located", bound=ModelSettings)
EXPECTED_ERROR = 3
AVERAGED_STEPS = 10
ENVIRONMENT = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "DO_NOT_TRACK": "1",
}


def main(arguments: Sequence[str]) -> int:
    """Train as the file says. Returns the exit status."""
    spec = TrainingSpec.model_validate_json(Path(arguments[0]).read_text())
    with spec.file("stacks.txt").open("a") as stacks:
        faulthandler.enable(stacks)
        faulthandler.register(signal.SIGUSR1, stacks, all_threads=True)
        if os.environ.get("VIPER_WATCHED"):
            threading.Thread(target=_die_with_parent, daemon=True).start()
        try:
            train(spec)
        except ViperError as error:
            failure = TrainingFailure(kind=type(error).__name__, message=str(error), key=getattr(error, "key", ""))
            write_record(spec.file("failure.json"), failure)
            print(f"{failure.kind}: {failure.message}", file=sys.stderr, flush=True)
            return EXPECTED_ERROR
        finally:
            faulthandler.unregister(signal.SIGUSR1)
            faulthandler.disable()
    return 0


def train(spec: TrainingSpec) -> None:
    """Run the stage to its end.

    Raises:
        Collapsed: The rollouts collapsed. Checkpoints up to there are kept.
        ViperError: Whatever a person can act on: a missing model, a damaged dataset, a store that refuses.
    """
    with resting_collector():
        _prepare_libraries(spec)
        from accelerate import PartialState

        from models.grpo_reports import Reports
        from models.trainable import save_trained

    progress = spec.file("progress.jsonl")
    state = PartialState(cpu=spec.model.device == "cpu")
    check_processes(spec.launcher, state.num_processes)
    store = ObjectStore(spec.store_root)
    with state.main_process_first():
        rows = _rows(store, spec)
    resumed_from = _restore(store, spec) if state.is_main_process else 0
    state.wait_for_everyone()
    with BackgroundUploader(store) as uploader:
        reports = Reports(
            lambda step, figures: _report(progress, step, figures),
            lambda step, folder: uploader.submit(spec.inputs.checkpoint(step), folder, spec.checkpoint_identity),
        )
        with resting_collector():
            trainer = _trainer(spec, rows, reports)
        if state.is_main_process:
            _report(progress, resumed_from, {})
        checkpoint = next(spec.file("checkpoints").glob("checkpoint-*"), None)
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        finally:  # a training that collapses is looked at most closely
            _write_curves(spec, trainer)
    start, made = spec.inputs.start.model, spec.file("model")
    if state.is_main_process:
        _emptied(made)
    named = start.settings_path if start.revision else ""  # a path of this machine says nothing to others
    save_trained(trainer, named, start.revision, made)
    if state.is_main_process:
        _write_result(spec, trainer, made, resumed_from)


def _rows(store: ObjectStore, spec: TrainingSpec) -> "Dataset":
    from datasets import concatenate_datasets

    return concatenate_datasets([read_dataset(store, ref, spec.file("dataset")) for ref in spec.inputs.datasets])


def _trainer(spec: TrainingSpec, rows: "Dataset", reports: "Reports") -> "Trainer":
    """The trainer of the stage: by reinforcement, or supervised."""
    from models.trainable import Adaptation

    inputs, model, checkpoints = spec.inputs, _here(spec.model), spec.file("checkpoints")
    stage, by_reward, seed = inputs.stage, inputs.reinforcement, inputs.seed.small()
    adaptation = Adaptation(
        method=inputs.method,
        lora=inputs.lora,
        vision_tower=inputs.vision_tower,
        shared_prefix=by_reward.shared_prefix if by_reward else False,
        sharded=spec.sharding != "none",
    )
    if isinstance(stage, SftStage):
        from models.sft import make_sft_trainer

        return make_sft_trainer(model, rows, stage, adaptation, seed, checkpoints, [reports], spec.adapter)
    from models.grpo import make_trainer
    from models.grpo_reports import CollapseWatch
    from models.rewards import SentenceReward
    from models.similarity import load_similarity

    if by_reward is None or spec.similarity is None:
        raise TrainingFailed(f"The stage {stage.name} learns by reinforcement but was given no reward.")
    reward = SentenceReward(load_similarity(_here(spec.similarity)), by_reward.reward)
    # After the reports: the step that shows a collapse is reported, too.
    callbacks = [reports, CollapseWatch(stage.prompts_per_step, by_reward.collapse)]
    rollouts = by_reward.rollouts
    return make_trainer(model, rows, stage, adaptation, reward, seed, checkpoints, callbacks, spec.adapter, rollouts)


def _restore(store: ObjectStore, spec: TrainingSpec) -> int:
    """Bring the newest checkpoint here. Returns its step, 0 if there is none."""
    folder = _emptied(spec.file("checkpoints"))
    newest = newest_checkpoint(store, spec.inputs.checkpoints)
    if newest is None:
        return 0
    step, ref = newest
    ignored = {CODE} if spec.allow_code_change else set[str]()
    restore_checkpoint(store, ref, folder / f"checkpoint-{step}", spec.checkpoint_identity, ignored)
    return step


def _write_result(spec: TrainingSpec, trainer: "Trainer", model: Path, resumed_from: int) -> None:
    from models.grpo_reports import history

    steps = history(trainer.state)
    result = TrainingResult(
        model_folder=str(model),
        steps=trainer.state.global_step,
        resumed_from=resumed_from,
        begin=_averages(steps[:AVERAGED_STEPS]),
        end=_averages(steps[-AVERAGED_STEPS:]),
    )
    write_record(spec.file("result.json"), result)


def _write_curves(spec: TrainingSpec, trainer: "Trainer") -> None:
    from models.grpo_reports import curves

    if trainer.state.is_world_process_zero:
        for name, data in curves(trainer.state).encoded().items():
            spec.file(name).write_bytes(data)


def _averages(steps: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for step in steps for name in step)
    known = {name: [step[name] for step in steps if name in step] for name in names}
    return {name: sum(values) / len(values) for name, values in known.items()}


def write_record(path: Path, record: Record) -> None:
    """Write a record so that it is whole or not there."""
    draft = path.with_suffix(f".{os.getpid()}")  # several processes may fail at once
    draft.write_text(record.model_dump_json(indent=1))
    os.replace(draft, path)


def _report(progress: Path, step: int, figures: dict[str, float]) -> None:
    with progress.open("a") as file:
        file.write(json.dumps({"step": step, "time": time.time(), "metrics": figures}) + "\n")


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _here(settings: _Located) -> _Located:
    """The settings in this process, which sees no GPU but its own."""
    return settings.model_copy(update={"device": settings.device.partition(":")[0]})


def _prepare_libraries(spec: TrainingSpec) -> None:
    from transformers.utils.logging import disable_progress_bar

    from models.threads import fix_threads

    disable_progress_bar()
    fix_threads(spec.model.device)


def _die_with_parent(*_: Any) -> None:
    """Read stdin, of which the parent holds the other end and writes nothing: it ends when the parent does."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    ended = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Past the interpreter's own end: there, threads of libraries have aborted processes whose training was done.
    os._exit(ended)
