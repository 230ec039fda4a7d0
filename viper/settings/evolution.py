"""The settings of an evolution as a whole."""

import hashlib
import json
from typing import Self

from pydantic import model_validator

from viper.settings.data import FilterSettings, PoolSettings, SynthesisSettings
from viper.settings.evaluation import BenchmarkSettings, CollapseSettings, GateSettings
from viper.settings.models import JudgeSettings, ModelsSettings, VlmSettings
from viper.settings.notification import NotifySettings
from viper.settings.run import RunSettings
from viper.settings.section import Name, Section, Seed, Word
from viper.settings.training import AblationSettings, TrainingSettings


class Settings(Section):
    """Everything that decides what an evolution computes."""

    name: Name
    """Name of the profile: lower case letters, digits, dashes, dots."""
    evolution: Name = "main"
    """Name of the evolution: rounds of one name follow each other in one store."""
    seed: Seed = 0
    """Every random draw is derived from this, the round, the step and the item."""
    world: Word
    """The kind of pictures, such as ``shapes`` or ``photographs``: its prompts, and its rules if it has some."""
    frozen_synthesizer: bool = False
    """True lets the base make every round's data, in place of the champion (an ablation)."""
    models: ModelsSettings
    """The four models."""
    judge: JudgeSettings = JudgeSettings()
    """How reconstructions are compared with their originals."""
    pool: PoolSettings
    """Unlabelled images."""
    synthesis: SynthesisSettings
    """Captions, critiques, operations."""
    filter: FilterSettings
    """Self-critique."""
    training: TrainingSettings
    """Reinforcement learning and supervised stages."""
    benchmarks: BenchmarkSettings
    """Evaluation."""
    gate: GateSettings = GateSettings()
    """Promotion."""
    collapse: CollapseSettings = CollapseSettings()
    """Collapse."""
    ablation: AblationSettings = AblationSettings()
    """Ablations."""
    notify: NotifySettings = NotifySettings()
    """Who is told what has become of a run."""
    run: RunSettings = RunSettings()
    """Who works off shards."""

    @property
    def sha256(self) -> str:
        """The hash of all values but ``run``, 64 hex digits: whoever does the work, a round ends in the same bytes."""
        dump = self.model_dump(mode="json", exclude={"run"})
        dumped = {"step": "settings", "version": 1, "inputs": {"settings": dump}}
        return hashlib.sha256(json.dumps(dumped, sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.gate.gain_on not in ("mean", *self.benchmarks.suites):
            known = ", ".join(("mean", *self.benchmarks.suites))
            raise ValueError(
                f"gate.gain_on is {self.gate.gain_on!r}, which is no suite of the profile. Known: {known}."
            )
        if self.training.shared_prefix and self.models.vlm.attention == "flash_attention_2":
            raise ValueError(
                "training.shared_prefix needs attention masks that flash_attention_2 does not take. "
                'Set models.vlm.attention to "sdpa", or training.shared_prefix to false.'
            )
        check_engines(self.models.vlm, self.training)
        return self


def check_engines(vlm: VlmSettings, training: TrainingSettings) -> None:
    """Servers can have the models of an evolution: an adapter on weights that they loaded once.

    Raises:
        ValueError: They cannot.
    """
    served, sampled = vlm.serving.engine == "endpoint", training.rollouts.engine == "endpoint"
    if sampled and not served:
        raise ValueError(
            'training.rollouts.engine is "endpoint", but models.vlm.serving names no servers. Set '
            'models.vlm.serving.engine to "endpoint", too.'
        )
    if served and training.method != "lora":
        raise ValueError(
            'models.vlm.serving.engine is "endpoint", but training.method is "full": servers take adapters, not new '
            'weights. Set training.method to "lora", or the engine to "vllm" or "transformers".'
        )
    if vlm.serving.engine != "transformers" and training.vision_tower:
        raise ValueError(
            f'models.vlm.serving.engine is "{vlm.serving.engine}", which has no adapters in vision towers. Set '
            'training.vision_tower to false, or the engine to "transformers".'
        )
    if sampled and not training.shared_prefix:
        raise ValueError(
            'training.rollouts.engine is "endpoint", which needs training.shared_prefix. Set it to true, or the '
            'engine to "transformers".'
        )
