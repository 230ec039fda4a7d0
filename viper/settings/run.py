"""Settings of who works off the shards of a round. They decide where and how fast, and no result."""

from typing import Literal, Self

from pydantic import Field, model_validator

from viper.settings.section import Section


class ActorSettings(Section):
    """Ray actors of one kind: processes that work off shards beside each other, each with models of its own."""

    actors: int = Field(default=0, ge=0)
    """How many, at most; 0 for as many as the cluster has room for when their phase begins."""
    gpus: float = Field(default=1.0, ge=0)
    """GPUs of each, where its models' device is no CPU: a part of one lets several share it; several are whole."""
    cpus: float = Field(default=1.0, gt=0)
    """CPU cores that Ray sets aside for each."""

    @model_validator(mode="after")
    def _has_whole_gpus(self) -> Self:
        if self.gpus > 1 and not self.gpus.is_integer():
            raise ValueError(f"gpus is {self.gpus}. Set it to a whole number, or to less than 1 to share a GPU.")
        return self


class RunSettings(Section):
    """Who works off the shards of synthesis and benchmarks."""

    workers: Literal["process", "ray"] = "process"
    """``process`` works off shards one after the other, in the process of the run; ``ray`` on actors beside each other:
    on the cluster of ``RAY_ADDRESS``, or else on one of this machine that begins and ends with the process."""
    files: ActorSettings = ActorSettings()
    """Actors without a model: they take pictures from the pool and compare edits. They ask for no GPU."""
    vlm: ActorSettings = ActorSettings()
    """Actors that caption, critique, write operations and answer benchmarks."""
    painter: ActorSettings = ActorSettings()
    """Actors that paint and judge."""
    editor: ActorSettings = ActorSettings()
    """Actors that edit."""
