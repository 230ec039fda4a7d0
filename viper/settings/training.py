"""Settings of the training: its stages, the method, the adapters and the reward; and the sizes of ablations."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from viper.settings.section import Count, Section, Share
from viper.settings.serving import OwnRollouts, Rollouts
from viper.settings.stages import SftSizes, Stage


class LoraSettings(Section):
    """Low-rank adapters."""

    rank: Count = 64
    """Rank of the adapters."""
    alpha: Count = 128
    """Scale of the adapters, divided by the rank."""
    target_modules: str = ""
    """Regular expression that the whole name of a module must match to get an adapter. Empty leaves it to the family of
    the model: attention and MLP of its language model."""

    @field_validator("target_modules")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(
                f"{pattern!r} is no regular expression: {error}. Write one that matches the names of the modules that "
                r"shall have adapters, such as '.*\.(q_proj|v_proj)'."
            ) from error
        return pattern


class RewardSettings(Section):
    """R = format_weight * R_format + (1 - format_weight) * R_correct (ViPER, section 3.3)."""

    format_weight: Share = 0.05
    """Weight of the form of the answer."""
    threshold: Share = 0.85
    """Cosine similarity above which two sentences say the same."""
    coverage_weight: Share = 0.0
    """Share of coverage (recall) in R_correct; 0 is the paper's precision alone."""


class TrainingSettings(Section):
    """The training of a round: stage after stage, each from the model of the one before."""

    stages: tuple[Stage, ...] = Field(strict=False)
    """The stages, in order. The paper's are reinforcement on ``csr``, then on ``vop``."""
    method: Literal["lora", "full"] = "lora"
    """Adapters, or all weights of the language model."""
    lora: LoraSettings = LoraSettings()
    """Adapters, where ``method`` is ``lora``."""
    vision_tower: bool = False
    """Let the vision tower and its projector learn, too: adapters on all their linear maps, or all their weights."""
    reward: RewardSettings = RewardSettings()
    """The reward, the same in all stages of reinforcement."""
    shared_prefix: bool = True
    """Compute a group's prompt once, and leave rollouts without advantage out of the update, where that is proven for
    the model's family (Qwen's); needs ``sdpa`` or ``eager`` attention. Others go TRL's own way, and all if false."""
    rollouts: Rollouts = OwnRollouts()
    """Who samples the rollouts of stages by reinforcement."""
    launcher: tuple[str, ...] = Field(default=(), strict=False)
    """Command put before the training process, such as ``["torchrun", "--nproc-per-node=8"]``; empty: plain Python."""
    sharding: Literal["none", "fsdp2"] = "none"
    """``none``: each process of the launcher has all weights; ``fsdp2``: each keeps its part of them, of their
    gradients and of the optimizer's state, for models that one GPU cannot train."""
    hang_timeout_s: Count = 1800
    """A training process without a finished step for this long is stopped and reported, in seconds."""

    @model_validator(mode="after")
    def _has_stages_of_different_names(self) -> Self:
        if not self.stages:
            raise ValueError(
                'stages is empty. Write at least one table [[training.stages]] with objective ("grpo" or "sft"), '
                'lessons (such as ["csr"]) and its sizes.'
            )
        names = [stage.name for stage in self.stages]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise ValueError(
                    f"stages {names.index(name)} and {number} (counted from 0) are both named {name!r}. Give one of "
                    f'them a name of its own, such as name = "{name}-{number}".'
                )
        return self

    @model_validator(mode="after")
    def _shards_among_processes(self) -> Self:
        if self.sharding != "none" and not self.launcher:
            raise ValueError(
                f"sharding is {self.sharding!r}, but launcher is empty, and one process has nobody to share with. "
                'Write a launcher, such as ["torchrun", "--nproc-per-node=8"], or set sharding to "none".'
            )
        return self

    @field_validator("launcher")
    @classmethod
    def _begins_with_a_command(cls, launcher: tuple[str, ...]) -> tuple[str, ...]:
        if launcher and not launcher[0].strip():
            raise ValueError(
                f"the launcher begins with blank text (found {list(launcher)}). Begin it with a command, such as "
                '"torchrun", or leave the launcher empty for plain Python.'
            )
        return launcher


class AblationSettings(Section):
    """What ablations need that the profile's own rounds do not."""

    sft: SftSizes = SftSizes()
    """Sizes of the supervised stages of ablations."""
    planted_share: Share = 0.0
    """Share of the critiques' sentences that are replaced by wrong ones before the judge sees them: an ablation that
    shows what he is worth where critiques are bad. Only for the pool of a world that knows what its pictures show."""
