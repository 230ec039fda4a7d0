"""What is done of an evolution, and what a resume would skip and do: from the store alone, without a Prefect server."""

from flows.benchmark import benchmark
from flows.synthesis import make_data
from tasks import promotion, training
from tasks.survey import Survey, surveying
from viper.errors import Collapsed, CorruptArtifact
from viper.records import ArtifactRef
from viper.settings import Settings


def survey_round(settings: Settings, round_number: int, parents: dict[str, ArtifactRef]) -> Survey:
    """How far a round is. Steps whose inputs cannot be known yet are not in it."""
    with surveying() as survey:
        try:
            _walk(settings, round_number, parents)
        except (CorruptArtifact, Collapsed):
            # What comes next reads an artifact that is not there yet, or never comes.
            return survey
    return survey


def _walk(settings: Settings, round_number: int, parents: dict[str, ArtifactRef]) -> None:
    """The steps of ``flows.round`` up to its replies; what follows takes seconds."""
    base = promotion.base_vlm(settings)
    champion = promotion.champion_before(settings, round_number)
    made = make_data(settings, round_number, base if settings.frozen_synthesizer else champion, parents)
    promotion.check_data(made)
    candidate = champion
    for stage in settings.training.stages:
        if training.has_lessons(settings, stage, made.datasets):
            model = training.train_stage(settings, round_number, stage, candidate, made.datasets)
            candidate = training.as_vlm(round_number, model)
    roles = {"base": base, "champion": champion, "candidate": candidate}
    benchmark.fn(profile=settings.name, settings=settings, vlms=roles)
