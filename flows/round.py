"""One self-evolution round, in the order in which everything happens."""

from collections.abc import Mapping

from flows import synthesis_inputs, training_inputs
from flows.approval import with_approval
from flows.benchmark import answer_suites
from flows.cut import Cut
from flows.differences import before
from flows.runner import InProcess, Runner, retried, run
from flows.synthesis import make_and_show_data
from storage.ledger.champions import champion_before
from storage.ledger.rounds import finished_round, keep_result
from tasks.clock import timed
from tasks.figures import track_round
from tasks.generation import caption_images
from tasks.pages import PLOTS, show_verdict
from tasks.promotion import promote
from tasks.report import write_report
from tasks.training import train_stage, trained_model
from tasks.verdict import collapse_verdict, decide_on_candidate, read_verdict
from tasks.versioning import lack_of_lessons
from viper.errors import Collapsed
from viper.records import ArtifactRef, ModelRef, RoundResult, Synthesis, Verdict


def run_round(runner: InProcess, cut: Cut, round_number: int, parents: Mapping[str, ArtifactRef]) -> RoundResult:
    """Make data with the champion, train on it, prove what it gained, and let the gate decide.

    A collapse of data or training ends the round early, with that verdict and without a candidate. A round that waited
    for a person's word goes on with it when it is called again.

    Args:
        runner: Runs the steps.
        cut: Of the evolution.
        round_number: Counts from 1.
        parents: Dataset versions of the round before, by lesson.

    Raises:
        ApprovalNeeded: A person is to decide whether the candidate is promoted, and has not yet.
    """
    seconds: dict[str, float] = {}
    trainings: dict[str, ArtifactRef] = {}
    champion = champion_before(runner.store, cut.settings.evolution, round_number) or cut.base
    made = runner.group(
        f"synthesis of round {round_number}",
        make_and_show_data,
        cut,
        round_number,
        cut.synthesizer(champion),
        parents,
    )
    seconds.update(made.seconds)
    runner.release()
    try:
        candidate, verdict = make_candidate(runner, cut, round_number, champion, made, seconds, trainings)
    except Collapsed as error:
        candidate, verdict = champion, collapse_verdict(error)
    return _finish(runner, cut, round_number, champion, candidate, made, verdict, seconds, trainings)


def make_candidate(
    runner: Runner,
    cut: Cut,
    round_number: int,
    champion: ModelRef,
    made: Synthesis,
    seconds: dict[str, float],
    trainings: dict[str, ArtifactRef],
) -> tuple[ModelRef, Verdict]:
    """The candidate and the gate's verdict on it, with a sentence on each lesson and stage that was left out.

    What each stage's training left is written into ``trainings``.

    Raises:
        Collapsed: There is nothing to judge: no lesson has enough samples, or a training collapsed.
    """
    words = [f"Nothing is learned of {lesson}: {why}" for lesson, why in made.left_out.items()]
    if not made.datasets:
        raise Collapsed(f"Synthesis: {' '.join(words)}")
    candidate = champion
    for stage in cut.settings.training.stages:
        datasets = tuple(made.datasets[lesson] for lesson in stage.lessons if lesson in made.datasets)
        lack = lack_of_lessons(runner.store, datasets, cut.settings.filter.min_samples, stage.name)
        if lack:
            # Where none of its lessons has samples, that is said already.
            words += [lack] if datasets else []
            continue
        with timed(seconds, f"training {stage.name}"):
            trained = run(
                runner, train_stage, training_inputs.training(cut, round_number, stage, candidate, made.datasets)
            )
            trainings[stage.name] = trained
            candidate = trained_model(runner.store, round_number, candidate, trained)

    with timed(seconds, "benchmarks"):
        roles = {"base": cut.base, "champion": champion, "candidate": candidate}
        replies = runner.group(f"benchmarks of round {round_number}", answer_suites, cut, roles)
        captions = {
            role: run(runner, caption_images, synthesis_inputs.captions(cut, round_number, roles[role], made.shards[0]))
            for role in ("base", "candidate")
        }
        runner.release()
    decided = run(runner, decide_on_candidate, training_inputs.verdict(cut, round_number, replies, captions))
    verdict = read_verdict(runner.store, decided)
    return candidate, verdict.model_copy(update={"reason": " ".join([verdict.reason, *words])})


def _finish(
    runner: InProcess,
    cut: Cut,
    round_number: int,
    champion: ModelRef,
    candidate: ModelRef,
    made: Synthesis,
    verdict: Verdict,
    seconds: dict[str, float],
    trainings: dict[str, ArtifactRef],
) -> RoundResult:
    """Promote or not, report, and write the round's record, which is what makes it finished."""
    store, settings = runner.store, cut.settings
    with timed(seconds, "verdict and report"):
        verdict = with_approval(store, cut, round_number, champion, candidate, verdict)
        champion_after = retried(
            "promote",
            f"{verdict.decision}: round {round_number}",
            lambda: promote(store, settings.evolution, round_number, cut.base, champion, candidate, verdict),
        )()
        found = (finished_round(store, settings.evolution, number) for number in range(1, round_number))
        earlier = [result for result in found if result]
        verdicts = [*(result.verdict for result in earlier), verdict]
        last = before(store, settings, earlier[-1] if earlier else None)
        inputs = training_inputs.report(cut, round_number, made, verdicts, trainings, seconds, last)
        report = run(runner, write_report, inputs)
        show_verdict(store, settings.evolution, round_number, verdict, report)
    result = RoundResult(
        evolution=settings.evolution,
        round_number=round_number,
        settings_sha256=settings.sha256,
        base=cut.base,
        champion_before=champion,
        candidate=candidate,
        champion_after=champion_after,
        datasets=made.datasets,
        trainings=trainings,
        report=report,
        verdict=verdict,
        seconds=tuple(seconds.items()),
    )
    track_round(store, settings.name, settings.seed, result)
    pages = {name: store.read(report, name) for name in ("report.html", "report.md", *PLOTS)}
    return keep_result(store, result, pages)
