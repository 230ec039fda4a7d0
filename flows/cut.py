"""What the inputs of several steps have in common, cut out of an evolution's settings: models, seeds, world.

A step sees nothing but its inputs. ``flows.synthesis_inputs``, ``flows.edit_inputs`` and ``flows.training_inputs`` cut
those of each step with what stands here; so a setting that none of the four reads decides nothing, and one that is read
moves the key of that step and, as far as its results differ, of the steps after it.
"""

from functools import cached_property
from typing import TypeVar

from pydantic import BaseModel

from flows.identities import Identities
from models.worlds import find_world
from tasks.worker import Machine
from viper.diffusion import DiffusionUse
from viper.records import JudgeUse, ModelRef, ModelUse, Occasion, Seed, VlmUse
from viper.settings import DiffusionSettings, Section, Settings

Rules = TypeVar("Rules", bound=BaseModel)


def slice_of(rules: type[Rules], *sections: Section) -> Rules:
    """A record with the fields of the same name out of one or several sections of the settings."""
    values = {name: value for section in sections for name, value in section if name in rules.model_fields}
    return rules(**values)


class Cut:
    """One evolution's settings, and what its models are.

    Args:
        settings: Of the evolution.
        identities: What its models are.
    """

    def __init__(self, settings: Settings, identities: Identities) -> None:
        self.settings, self.identities = settings, identities
        self.world = find_world(settings.world)

    @cached_property
    def base(self) -> ModelRef:
        """The base model: champion of round 0."""
        return self.identities.of("base", self.settings.models.vlm)

    @property
    def lessons(self) -> tuple[str, ...]:
        """The lessons of all stages, each once, in order."""
        stages = self.settings.training.stages
        return tuple(dict.fromkeys(lesson for stage in stages for lesson in stage.lessons))

    def synthesizer(self, champion: ModelRef) -> ModelRef:
        """Who makes a round's data: the champion, or the base where it is frozen (an ablation)."""
        return self.base if self.settings.frozen_synthesizer else champion

    @cached_property
    def painter(self) -> DiffusionUse:
        """The painter and how it is called."""
        return self._diffusion("painter", self.settings.models.painter)

    @cached_property
    def editor(self) -> DiffusionUse:
        """The editor and how it is called."""
        return self._diffusion("editor", self.settings.models.editor)

    @cached_property
    def judge(self) -> JudgeUse:
        """How reconstructions are compared with their originals."""
        judge = self.settings.judge
        model = self.identities.at("judge", judge.path, judge.revision) if judge.path else None
        return JudgeUse(kind=judge.kind, model=model)

    @cached_property
    def similarity(self) -> ModelUse:
        """The sentence model of the reward."""
        similarity = self.settings.models.similarity
        return ModelUse(model=self.identities.of("similarity", similarity), dtype=similarity.dtype)

    def machine(self, allow_code_change: bool = False) -> Machine:
        """How this machine works: nothing here decides a result."""
        models, training = self.settings.models, self.settings.training
        return Machine(
            vlm=models.vlm.device,
            serving=models.vlm.serving,
            painter=models.painter.device,
            editor=models.editor.device,
            judge=self.settings.judge.device,
            similarity=models.similarity.device,
            offloaded=tuple(role for role in ("painter", "editor") if getattr(models, role).offload),
            launcher=training.launcher,
            sharding=training.sharding,
            hang_timeout_s=training.hang_timeout_s,
            allow_code_change=allow_code_change,
        )

    def vlm(self, model: ModelRef) -> VlmUse:
        """A vision-language model as synthesis and benchmarks use it."""
        return self.weights(model).model_copy(update={"engine": self.settings.models.vlm.serving.engine})

    def weights(self, model: ModelRef) -> VlmUse:
        """A vision-language model as transformers loads it, to train it or to look at it."""
        vlm = self.settings.models.vlm
        return VlmUse(
            model=model,
            dtype=vlm.dtype,
            attention=vlm.attention,
            min_pixels=vlm.min_pixels,
            max_pixels=vlm.max_pixels,
        )

    def seed(self, round_number: int, step: str) -> Seed:
        """The seed of a step's draws."""
        return Seed(evolution=self.settings.seed, round_number=round_number, step=step)

    def occasion(self, round_number: int) -> Occasion:
        """For whom a step of a round works."""
        settings = self.settings
        return Occasion(evolution=settings.evolution, round_number=round_number, settings_sha256=settings.sha256)

    def _diffusion(self, role: str, settings: DiffusionSettings) -> DiffusionUse:
        lora = self.identities.at(f"{role}'s lora", settings.lora, settings.lora_revision) if settings.lora else None
        own = DiffusionUse.model_fields.keys() - {"lora", "attention"}
        called = {name: value for name, value in settings if name in own}
        return DiffusionUse(model=self.identities.of(role, settings), lora=lora, **called)
