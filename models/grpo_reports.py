"""What a training says of itself: figures after each step, folders after each checkpoint; and when it ends early."""

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from models.collapse import TrainingRules, training_collapse
from models.payloads import Curves
from viper.errors import Collapsed

METRICS = {
    "loss": "loss",
    "reward": "reward",
    "reward_std": "reward/std",
    "reward/format": "reward/format",
    "reward/precision": "reward/precision",
    "reward/coverage": "reward/coverage",
    "frac_reward_zero_std": "zero_variance_groups",
    "completion_chars": "completion_chars",
    "completions/mean_length": "completion_tokens",
    "completions/clipped_ratio": "truncated_completions",
    "entropy": "entropy",
    "clip_ratio/low_mean": "clipped_low",
    "clip_ratio/high_mean": "clipped_high",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    "num_tokens": "tokens",
    "servers/difference": "servers/difference",
    "servers/weight": "servers/weight",
    "step_time": "seconds",
}
"""TRL's names and ours. Those of the rollouts come with the first step on them, so not with every step if
``updates_per_batch`` is above 1."""

Metrics = dict[str, float]


class Reports(TrainerCallback):
    """Hands on what the trainer says: figures after each step, folders after each checkpoint (main process only).

    Args:
        on_step: Called with the number of finished steps and their figures, as named in ``METRICS``.
        on_saved: Called with the step and folder of a checkpoint that was just written.
    """

    def __init__(self, on_step: Callable[[int, Metrics], None], on_saved: Callable[[int, Path], None]) -> None:
        self._on_step, self._on_saved = on_step, on_saved

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Metrics, **_: Any
    ) -> None:
        """Forward a step's figures."""
        if state.is_world_process_zero and "loss" in logs:
            self._on_step(state.global_step, step_metrics(logs))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Forward a checkpoint."""
        if state.is_world_process_zero:
            self._on_saved(state.global_step, Path(args.output_dir) / f"checkpoint-{state.global_step}")


class CollapseWatch(TrainerCallback):
    """Ends a training whose rollouts collapse, judged by the trainer's own history, also that before a resume.

    Args:
        prompts_per_step: Prompts of a rollout batch.
        rules: Thresholds.
    """

    def __init__(self, prompts_per_step: int, rules: TrainingRules) -> None:
        self._prompts_per_step, self._rules = prompts_per_step, rules

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Metrics, **_: Any
    ) -> None:
        """Judge the history.

        Raises:
            Collapsed: With what collapsed, its value and its threshold.
        """
        if not state.is_world_process_zero:
            return
        found = training_collapse(history(state), self._prompts_per_step, self._rules)
        if found:
            raise Collapsed(f"After step {state.global_step} of the training, {found}")


def history(state: TrainerState) -> list[Metrics]:
    """Figures of all finished steps, also those before a resume: the history is part of the checkpoints."""
    return [step_metrics(logs) for logs in state.log_history if "loss" in logs]


def curves(state: TrainerState) -> Curves:
    """The history for later eyes: finite figures alone, without the seconds, which no two trainings share."""
    steps = ({"step": float(logs["step"]), **step_metrics(logs)} for logs in state.log_history if "loss" in logs)
    return Curves(
        tuple({name: value for name, value in one.items() if name != "seconds" and isfinite(value)} for one in steps)
    )


def step_metrics(logs: Mapping[str, Any]) -> Metrics:
    """A step's figures under our names; what is missing in ``logs`` is left out."""
    return {ours: float(logs[theirs]) for theirs, ours in METRICS.items() if logs.get(theirs) is not None}
