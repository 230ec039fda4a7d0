"""What a training process is told, and what it answers."""

import hashlib
import json
from pathlib import Path

from pydantic import JsonValue

from storage.layout import checkpoint_key, checkpoint_prefix
from viper.records import ArtifactRef, Record
from viper.settings import CollapseSettings, ModelSettings, SftSettings, Stage, StageSettings, TrainingSettings

CODE = "code_version"
"""The one field of the identity that a person may allow to differ."""


class TrainingSpec(Record):
    """One stage of one round, and where to work on it."""

    store_root: str
    """The object store: a folder or an ``s3://`` address."""
    evolution: str
    """Name of the evolution; checkpoints lie under it."""
    round_number: int
    """The round; checkpoints lie under it."""
    stage: Stage
    """Which stage; checkpoints lie under it."""
    stage_settings: StageSettings | SftSettings
    """How this stage is trained."""
    training: TrainingSettings
    """Method, adapters and reward."""
    collapse: CollapseSettings = CollapseSettings()
    """When the training ends early. No part of its identity: it changes no weight."""
    model: ModelSettings
    """The weights to start from; ``path`` is a whole model that this machine can read."""
    model_sha256: str
    """Fingerprint of those weights."""
    similarity: ModelSettings
    """Sentence model of the reward."""
    similarity_sha256: str
    """Fingerprint of the sentence model."""
    datasets: tuple[ArtifactRef, ...]
    """The dataset versions to train on."""
    seed: int
    """Of the order of prompts, first adapters and rollouts."""
    code_version: str
    """Version of this project's code."""
    allow_code_change: bool = False
    """Go on from checkpoints that another version made."""
    work_folder: str
    """Local folder of this training alone. Everything in it can be made again, but for the product at the end."""

    @property
    def identity(self) -> dict[str, JsonValue]:
        """Everything that must be equal for a resume to end in the same bits."""
        return {
            "stage": self.stage,
            "stage_settings": self.stage_settings.model_dump(mode="json"),
            "method": self.training.method,
            "lora": self.training.lora.model_dump(mode="json"),
            "shared_prefix": self.training.shared_prefix,
            "reward": self.training.reward.model_dump(mode="json"),
            "model": self.model_sha256,
            "dtype": self.model.dtype,
            "similarity": self.similarity_sha256,
            "datasets": [dataset.sha256 for dataset in self.datasets],
            "seed": self.seed,
            CODE: self.code_version,
        }

    @property
    def training_key(self) -> str:
        """Hash of the identity, 24 hex digits, without the code's version: a change of code is to be noticed."""
        decides = {name: value for name, value in self.identity.items() if name != CODE}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:24]

    @property
    def checkpoints(self) -> str:
        """The store's folder of this training's checkpoints."""
        return checkpoint_prefix(self.evolution, self.round_number, self.stage, self.training_key)

    def checkpoint(self, step: int) -> str:
        """The store's key of the checkpoint after ``step`` optimizer steps."""
        return checkpoint_key(self.evolution, self.round_number, self.stage, self.training_key, step)

    def file(self, name: str) -> Path:
        """A file of the work folder."""
        return Path(self.work_folder) / name


class TrainingResult(Record):
    """What a finished training leaves."""

    model_folder: str
    """Local folder of the trained model: whole weights and processor."""
    steps: int
    """Optimizer steps, all resumes together."""
    resumed_from: int
    """Step of the checkpoint that the last process went on from; 0 for none."""
    begin: dict[str, float]
    """Figures averaged over the first steps (see ``models.grpo_reports.METRICS``)."""
    end: dict[str, float]
    """Figures averaged over the last steps."""
