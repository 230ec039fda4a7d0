"""One self-evolution round, in the order in which everything happens."""

from prefect import flow

from flows.benchmark import benchmark
from flows.synthesis import one_worker, synthesis
from tasks import generation, promotion, reporting, training
from tasks.clock import timed
from tasks.step import key_of, release_models
from viper.errors import Collapsed
from viper.records import ArtifactRef, ModelRef, RoundResult, Synthesis, Verdict
from viper.settings import Settings


@flow(name="round", task_runner=one_worker, flow_run_name="round {round_number} of {settings.evolution}")
def run_round(
    settings: Settings,
    round_number: int,
    parents: dict[str, ArtifactRef] | None = None,
    allow_code_change: bool = False,
) -> RoundResult:
    """Make data with the champion, train on it, prove what it gained, and let the gate decide.

    A collapse of data or training ends the round early, with that verdict and without a candidate.

    Args:
        settings: Of the evolution.
        round_number: Counts from 1.
        parents: Dataset versions of the round before, by stage.
        allow_code_change: Trainings may go on from checkpoints that other code made.
    """
    seconds: dict[str, float] = {}
    base = promotion.base_vlm(settings)
    champion = promotion.champion_before(settings, round_number)
    synthesizer = base if settings.frozen_synthesizer else champion

    made = synthesis(
        profile=settings.name, round_number=round_number, settings=settings, vlm=synthesizer, parents=parents
    )
    seconds.update(made.seconds)
    release_models()

    try:
        candidate, verdict = _train_and_judge(settings, round_number, base, champion, made, seconds, allow_code_change)
    except Collapsed as error:
        candidate, verdict = champion, promotion.collapse_verdict(error)

    with timed(seconds, "verdict and report"):
        champion_after = promotion.promote(settings, round_number, champion, candidate, verdict)
        report = reporting.write_report(settings, round_number, made, verdict)
        reporting.show_verdict(round_number, verdict, report)
    result = RoundResult(
        evolution=settings.evolution,
        round_number=round_number,
        settings_sha256=key_of("settings", 1, {"settings": settings}),
        base=base,
        champion_before=champion,
        candidate=candidate,
        champion_after=champion_after,
        datasets=made.datasets,
        report=report,
        verdict=verdict,
        seconds=tuple(seconds.items()),
    )
    reporting.track_round(settings, result)
    return reporting.keep_result(result)


def _train_and_judge(
    settings: Settings,
    round_number: int,
    base: ModelRef,
    champion: ModelRef,
    made: Synthesis,
    seconds: dict[str, float],
    allow_code_change: bool,
) -> tuple[ModelRef, Verdict]:
    """The candidate and the gate's verdict on it. Raises ``Collapsed`` where there is nothing to judge."""
    promotion.check_data(made)
    candidate = champion
    for stage in settings.training.stages:
        if not training.has_lessons(settings, stage, made.datasets):
            continue
        with timed(seconds, f"training {stage}"):
            trained = training.train_stage(settings, round_number, stage, candidate, made.datasets, allow_code_change)
            candidate = training.as_vlm(round_number, trained)

    with timed(seconds, "benchmarks"):
        roles = {"base": base, "champion": champion, "candidate": candidate}
        replies = benchmark(profile=settings.name, settings=settings, vlms=roles)
        captions = {
            role: generation.caption_images(settings, roles[role], made.shards[0]) for role in ("base", "candidate")
        }
        release_models()
    verdict = promotion.decide_on_candidate(settings, round_number, replies, captions)
    return candidate, promotion.read_verdict(verdict)
