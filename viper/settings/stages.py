"""Settings of training stages: which lessons a stage teaches, by which objective, and with which sizes."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from viper.settings.section import Count, LearningRate, Section, Temperature, Word


def default_stage_name(objective: str, lessons: Sequence[str]) -> str:
    """The name of a stage that is given none, such as ``csr``, ``csr-vop`` or ``csr-sft``."""
    return "-".join([*lessons, *([] if objective == "grpo" else [objective])])


def _default_name(fields: dict[str, Any]) -> str:
    return default_stage_name(fields["objective"], fields["lessons"])


class NamedStage(Section):
    """What every stage says of itself, whatever its objective."""

    objective: str
    """How the stage learns; it decides which other keys the stage has."""
    lessons: tuple[Word, ...] = Field(strict=False)
    """The lessons whose dataset versions the stage trains on, together if there are several."""
    name: Word = Field(default_factory=_default_name, validate_default=True)
    """Name of the stage, other than those of the other stages. It is part of keys and seeds. Without it, the stage is
    called after its lessons, with ``-sft`` for the supervised objective."""

    @field_validator("lessons")
    @classmethod
    def _names_each_lesson_once(cls, lessons: tuple[str, ...]) -> tuple[str, ...]:
        if not lessons:
            raise ValueError('there is no lesson in the list. Name at least one, such as "csr".')
        if len(set(lessons)) < len(lessons):
            raise ValueError(f"a lesson is named twice (found {', '.join(lessons)}). Name each lesson once.")
        return lessons


class GrpoStage(NamedStage):
    """A stage of reinforcement learning (GRPO) on the model's own rollouts."""

    objective: Literal["grpo"] = "grpo"
    """The stage learns by reinforcement."""
    steps: Count
    """Optimizer steps."""
    prompts_per_step: Count
    """Prompts in one optimizer step."""
    generations: Annotated[int, Field(ge=2)] = 5
    """Rollouts a prompt (the group)."""
    updates_per_batch: Count = 1
    """Optimizer steps on the same rollouts; the clip is for those after the first."""
    learning_rate: LearningRate
    """Peak learning rate."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of linear warm-up, fewer than ``steps``; the rate then falls linearly to 10 %."""
    temperature: Temperature = 1.0
    """Sampling temperature of the rollouts."""
    epsilon_low: float = Field(default=0.2, gt=0, lt=1)
    """Lower clip bound of the probability ratio, which is kept above 1 - ``epsilon_low``."""
    epsilon_high: float = Field(default=0.28, gt=0)
    """Upper clip bound, at least the lower one (DAPO's clip-higher); the ratio is kept below 1 + ``epsilon_high``."""
    max_completion_tokens: Count
    """Longest rollout, in tokens."""
    checkpoint_steps: Count
    """Steps between checkpoints; rounded up to whole rollout batches."""
    micro_batch: Count
    """Rollouts a forward-backward pass. As many prompts (rollouts, where a group's prompt is not shared) are read at
    once when rollouts are sampled."""

    @model_validator(mode="after")
    def _divides_its_step_and_clips_higher(self) -> Self:
        rollouts = self.prompts_per_step * self.generations
        _check_warmup(self.warmup_steps, self.steps)
        _check_divisor(self.micro_batch, rollouts, "rollouts of a step (prompts_per_step x generations)")
        if self.epsilon_high < self.epsilon_low:
            raise ValueError(
                f"epsilon_high {self.epsilon_high} is below epsilon_low {self.epsilon_low}. Choose epsilon_high at "
                "least as large."
            )
        return self


class SftSizes(Section):
    """How long and how fast a supervised stage learns."""

    steps: Count = 24
    """Optimizer steps."""
    rows_per_step: Count = 48
    """Samples in one optimizer step."""
    learning_rate: LearningRate = 1e-3
    """Peak learning rate."""
    warmup_steps: int = Field(default=2, ge=0)
    """Steps of linear warm-up, fewer than ``steps``; the rate then falls linearly to 10 %."""
    checkpoint_steps: Count = 8
    """Steps between checkpoints."""
    micro_batch: Count = 48
    """Samples a forward-backward pass."""

    @model_validator(mode="after")
    def _divides_its_step(self) -> Self:
        _check_warmup(self.warmup_steps, self.steps)
        _check_divisor(self.micro_batch, self.rows_per_step, "samples of a step (rows_per_step)")
        return self


class SftStage(NamedStage, SftSizes):
    """A stage of supervised fine-tuning on the ground truth: a baseline, or a cold start before reinforcement."""

    objective: Literal["sft"] = "sft"
    """The stage learns from the ground-truth sentences."""


Stage = Annotated[GrpoStage | SftStage, Field(discriminator="objective")]
"""One table of ``training.stages``; its ``objective`` decides which of the two it is."""


def _check_warmup(warmup_steps: int, steps: int) -> None:
    if warmup_steps >= steps:
        raise ValueError(
            f"warmup_steps is {warmup_steps}, but the stage has {steps} steps, so that its learning rate is never "
            f"reached. Choose warmup_steps below {steps}."
        )


def _check_divisor(micro_batch: int, rows: int, named: str) -> None:
    if rows % micro_batch:
        raise ValueError(f"micro_batch {micro_batch} does not divide the {rows} {named}. Choose a divisor of {rows}.")
