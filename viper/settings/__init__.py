"""Settings: everything that decides what an evolution computes, frozen; the parameter of every flow.

Every number carries its unit in its name. Endpoints and secrets are not settings; they come from the environment (see
``viper.environment``). ``viper.profiles`` reads settings from TOML files.

    section      the frozen section and the kinds of values
    models       where models come from, and the judge of reconstructions
    data         pool, synthesis and filter
    stages       one training stage: reinforcement or supervised
    training     all stages, adapters, reward; the sizes of ablations
    serving      who generates with the VLM: this process, or servers
    evaluation   benchmarks, gate, collapse
    notification who is told what has become of a run
    run          who works off shards: this process, or actors on a Ray cluster
    evolution    all of them together: ``Settings``
"""

from viper.settings.data import FilterSettings, PoolSettings, SynthesisSettings
from viper.settings.evaluation import BenchmarkSettings, CollapseSettings, GateRules, GateSettings
from viper.settings.evolution import Settings
from viper.settings.models import DiffusionSettings, JudgeSettings, ModelSettings, ModelsSettings, VlmSettings
from viper.settings.notification import NotifySettings, Occurrence
from viper.settings.run import ActorSettings, RunSettings
from viper.settings.section import Section
from viper.settings.serving import (
    EndpointServing,
    OwnRollouts,
    Rollouts,
    ServedRollouts,
    Serving,
    TransformersServing,
    VllmServing,
)
from viper.settings.stages import GrpoStage, SftSizes, SftStage, Stage, default_stage_name
from viper.settings.training import AblationSettings, LoraSettings, RewardSettings, TrainingSettings

__all__ = [
    "AblationSettings",
    "ActorSettings",
    "BenchmarkSettings",
    "CollapseSettings",
    "DiffusionSettings",
    "EndpointServing",
    "FilterSettings",
    "GateRules",
    "GateSettings",
    "GrpoStage",
    "JudgeSettings",
    "LoraSettings",
    "ModelSettings",
    "ModelsSettings",
    "NotifySettings",
    "Occurrence",
    "OwnRollouts",
    "PoolSettings",
    "RewardSettings",
    "Rollouts",
    "RunSettings",
    "Section",
    "ServedRollouts",
    "Serving",
    "Settings",
    "SftSizes",
    "SftStage",
    "Stage",
    "SynthesisSettings",
    "TrainingSettings",
    "TransformersServing",
    "VllmServing",
    "VlmSettings",
    "default_stage_name",
]
