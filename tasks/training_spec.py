"""What decides a training, what its process is told, and what it answers."""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from models.collapse import TrainingRules
from storage.layout import checkpoint_key, checkpoint_prefix
from tasks.step import Inputs
from viper.records import ArtifactRef, ModelUse, Occasion, Record, Seed, VlmUse
from viper.settings import LoraSettings, ModelSettings, OwnRollouts, RewardSettings, Rollouts, Stage, VlmSettings

CODE = "code_version"
"""The one field of the identity that a person may allow to differ."""


class Reinforcement(Record):
    """What a stage by reinforcement needs besides its sizes."""

    reward: RewardSettings
    similarity: ModelUse
    """The sentence model of the reward."""
    shared_prefix: bool
    """Whether a group's prompt is computed once."""
    rollouts: Rollouts = OwnRollouts()
    """Who samples, and how that counts."""
    collapse: TrainingRules
    """When the training ends early."""


class TrainingInputs(Inputs):
    """What decides the model that a stage makes."""

    start: VlmUse
    """The weights to start from."""
    stage: Stage
    method: Literal["lora", "full"]
    lora: LoraSettings | None
    """Adapters; ``None`` where all weights learn."""
    vision_tower: bool = False
    """Whether the vision tower learns, too."""
    reinforcement: Reinforcement | None
    """``None`` for a supervised stage."""
    datasets: tuple[ArtifactRef, ...]
    """The dataset versions of the stage's lessons."""
    seed: Seed
    """Of the order of prompts, first adapters and rollouts."""
    occasion: Occasion

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"training {self.stage.name} from {self.start.model.name}"

    @property
    def training_key(self) -> str:
        """Hash of what decides the weights, 24 hex digits: where the checkpoints lie.

        The version of the code is left out, so that a change of it is noticed; the rules of collapse, because they
        decide when a training ends and not how it goes on.
        """
        text = json.dumps(self.decides(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def decides(self) -> dict[str, JsonValue]:
        """Everything that must be equal for a resume to end in the same bits, but for the version of the code."""
        by_reward = self.reinforcement
        return {
            "stage": self.stage.name,
            "stage_settings": self.stage.model_dump(mode="json"),
            "method": self.method,
            "lora": self.lora.model_dump(mode="json") if self.lora else None,
            "vision_tower": self.vision_tower,
            "shared_prefix": by_reward.shared_prefix if by_reward else None,
            "rollouts": by_reward.rollouts.model_dump(mode="json") if by_reward else None,
            "reward": by_reward.reward.model_dump(mode="json") if by_reward else None,
            "similarity": by_reward.similarity.model.fingerprint if by_reward else None,
            "model": self.start.model.fingerprint,
            "dtype": self.start.dtype,
            "attention": self.start.attention,
            "min_pixels": self.start.min_pixels,
            "max_pixels": self.start.max_pixels,
            "datasets": [dataset.content_sha256 for dataset in self.datasets],
            "seed": self.seed.small(),
        }

    @property
    def checkpoints(self) -> str:
        """The store's folder of this training's checkpoints."""
        occasion = self.occasion
        return checkpoint_prefix(occasion.evolution, occasion.round_number, self.stage.name, self.training_key)

    def checkpoint(self, step: int) -> str:
        """The store's key of the checkpoint after ``step`` optimizer steps."""
        occasion = self.occasion
        return checkpoint_key(occasion.evolution, occasion.round_number, self.stage.name, self.training_key, step)


class TrainingSpec(Record):
    """A training, and where to work on it."""

    inputs: TrainingInputs
    store_root: str
    """The object store: a folder or an ``s3://`` address."""
    model: VlmSettings
    """The weights to start from; ``path`` is a whole model that this machine can read."""
    adapter: str
    """Local folder of the adapter on them; empty for none."""
    similarity: ModelSettings | None
    """The sentence model on this machine."""
    code_version: str
    """Version of this project's code."""
    allow_code_change: bool = False
    """Go on from checkpoints that another version made."""
    launcher: tuple[str, ...] = ()
    """The command that starts the processes; empty for one."""
    sharding: Literal["none", "fsdp2"] = "none"
    """How they divide the weights among them."""
    work_folder: str
    """Local folder of this training alone. Everything in it can be made again, but for the product at the end."""

    @property
    def checkpoint_identity(self) -> dict[str, JsonValue]:
        """What the checkpoints say of themselves: also their form, which decides no result."""
        return {**self.inputs.decides(), CODE: self.code_version, "sharding": self.sharding}

    def file(self, name: str) -> Path:
        """A file of the work folder."""
        return Path(self.work_folder) / name


class TrainingResult(Record):
    """What a finished training leaves."""

    model_folder: str
    """Local folder of what the training made: an adapter, or whole weights and the processor."""
    steps: int
    """Optimizer steps, all resumes together."""
    resumed_from: int
    """Step of the checkpoint that the last process went on from; 0 for none."""
    begin: dict[str, float]
    """Figures averaged over the first steps (see ``models.grpo_reports.METRICS``)."""
    end: dict[str, float]
    """Figures averaged over the last steps."""


class TrainingFailure(Record):
    """An error that a person can act on, as the training process hands it to whoever started it."""

    kind: str
    """Name of its class in ``viper.errors``."""
    message: str
    key: str = ""
    """Of the damaged artifact, where that is the error."""
