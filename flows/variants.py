"""Other lists of stages, made from those of a profile."""

from collections.abc import Callable, Iterable

from viper.errors import ProfileError
from viper.settings import GrpoStage, Settings, SftStage, Stage


def unchanged(settings: Settings) -> Settings:
    """The profile's own stages."""
    return settings


def only(lesson: str) -> Callable[[Settings], Settings]:
    """The profile's stages that teach one lesson alone."""

    def change(settings: Settings) -> Settings:
        found = [stage for stage in settings.training.stages if stage.lessons == (lesson,)]
        if not found:
            raise ProfileError(f"No stage of the profile teaches {lesson!r} alone, so there is no such variant of it.")
        return _with(settings, found)

    return change


def mixed(settings: Settings) -> Settings:
    """One stage by reinforcement on all lessons: the steps of all stages, the rest from the last one."""
    learning = _by_reinforcement(settings)
    whole = learning[-1].model_copy(
        update={
            "name": "mixed",
            "lessons": _lessons(learning),
            "steps": sum(stage.steps for stage in learning),
            "max_completion_tokens": max(stage.max_completion_tokens for stage in learning),
        }
    )
    return _with(settings, [whole])


def supervised(settings: Settings) -> Settings:
    """Every stage by fine-tuning on the ground truth itself, with the sizes of ``ablation.sft``."""
    return _with(settings, [_sft(settings, stage.lessons) for stage in settings.training.stages])


def cold_start(settings: Settings) -> Settings:
    """Fine-tuning on all lessons first, then the profile's own stages."""
    stages = settings.training.stages
    return _with(settings, [_sft(settings, _lessons(stages)), *stages])


def _sft(settings: Settings, lessons: tuple[str, ...]) -> SftStage:
    return SftStage(objective="sft", lessons=lessons, **settings.ablation.sft.model_dump())


def _by_reinforcement(settings: Settings) -> list[GrpoStage]:
    found = [stage for stage in settings.training.stages if isinstance(stage, GrpoStage)]
    if not found:
        raise ProfileError("No stage of the profile learns by reinforcement, so there is no such variant of it.")
    return found


def _lessons(stages: Iterable[Stage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lesson for stage in stages for lesson in stage.lessons))


def _with(settings: Settings, stages: Iterable[Stage]) -> Settings:
    training = settings.training.model_copy(update={"stages": tuple(stages)})
    return settings.model_copy(update={"training": training})
