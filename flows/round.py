"""One self-evolution round, in the order in which everything happens."""

from prefect import flow

from flows.benchmark import benchmark
from flows.synthesis import one_worker, synthesis
from tasks import promotion, reporting, training
from tasks.clock import timed
from tasks.step import key_of, release_models
from viper.records import ArtifactRef, RoundResult
from viper.settings import Settings


@flow(name="round", task_runner=one_worker, flow_run_name="round {round_number} of {settings.evolution}")
def run_round(
    settings: Settings,
    round_number: int,
    parents: dict[str, ArtifactRef] | None = None,
    allow_code_change: bool = False,
) -> RoundResult:
    """Make data with the champion, train on it, prove what it gained, and let the gate decide.

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

    candidate = champion
    for stage in settings.training.stages:
        with timed(seconds, f"training {stage}"):
            trained = training.train_stage(settings, round_number, stage, candidate, made.datasets, allow_code_change)
            candidate = training.as_vlm(round_number, trained)

    with timed(seconds, "benchmarks"):
        roles = {"base": base, "champion": champion, "candidate": candidate}
        replies = benchmark(profile=settings.name, settings=settings, vlms=roles)
        release_models()

    with timed(seconds, "verdict and report"):
        verdict = promotion.read_verdict(promotion.decide_on_candidate(settings, round_number, replies))
        champion_after = promotion.promote(settings, round_number, candidate, verdict)
        reporting.show_verdict(round_number, verdict)
        report = reporting.write_report(settings, round_number, made, verdict)
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
