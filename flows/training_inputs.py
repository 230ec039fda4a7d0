"""The inputs of trainings, benchmarks, verdict and report, cut out of an evolution's settings."""

from collections.abc import Mapping, Sequence

from flows.cut import Cut, slice_of
from flows.truth import knows_truth
from models.collapse import CandidateRules, TrainingRules
from tasks.changes import Before
from tasks.evaluation import AnswerInputs
from tasks.report import ReportInputs
from tasks.training_spec import Reinforcement, TrainingInputs
from tasks.verdict import VerdictInputs
from viper.records import ArtifactRef, ModelRef, Synthesis, Verdict
from viper.settings import GateRules, Stage


def training(
    cut: Cut, round_number: int, stage: Stage, start: ModelRef, datasets: Mapping[str, ArtifactRef]
) -> TrainingInputs:
    """For ``train_stage``; of a stage on several lessons, those that have a dataset version are learned."""
    training = cut.settings.training
    lessons = tuple(lesson for lesson in stage.lessons if lesson in datasets)
    reinforcement = Reinforcement(
        reward=training.reward,
        similarity=cut.similarity,
        shared_prefix=training.shared_prefix,
        rollouts=training.rollouts,
        collapse=slice_of(TrainingRules, cut.settings.collapse),
    )
    return TrainingInputs(
        start=cut.weights(start),
        stage=stage.model_copy(update={"lessons": lessons}),
        method=training.method,
        lora=training.lora if training.method == "lora" else None,
        vision_tower=training.vision_tower,
        reinforcement=reinforcement if stage.objective == "grpo" else None,
        datasets=tuple(datasets[lesson] for lesson in lessons),
        seed=cut.seed(round_number, stage.name),
        occasion=cut.occasion(round_number),
    )


def answers(cut: Cut, model: ModelRef, suite: str, file: ArtifactRef, shard: int) -> AnswerInputs:
    """For ``answer_questions``."""
    benchmarks = cut.settings.benchmarks
    return AnswerInputs(
        vlm=cut.vlm(model),
        suite=suite,
        file=file,
        shard=shard,
        wording=cut.world.prompts.wording,
        batch=benchmarks.batch,
        max_new_tokens=benchmarks.max_new_tokens,
    )


def verdict(
    cut: Cut,
    round_number: int,
    replies: Mapping[str, Mapping[str, Sequence[ArtifactRef]]],
    captions: Mapping[str, ArtifactRef],
) -> VerdictInputs:
    """For ``decide_on_candidate``."""
    return VerdictInputs(
        replies={role: {suite: tuple(parts) for suite, parts in suites.items()} for role, suites in replies.items()},
        captions=dict(captions),
        gate=slice_of(GateRules, cut.settings.gate),
        collapse=slice_of(CandidateRules, cut.settings.collapse),
        seed=cut.seed(round_number, "bootstrap"),
    )


def report(
    cut: Cut,
    round_number: int,
    made: Synthesis,
    verdicts: Sequence[Verdict],
    trainings: Mapping[str, ArtifactRef],
    seconds: Mapping[str, float],
    before: Before | None,
) -> ReportInputs:
    """For ``write_report``."""
    return ReportInputs(
        evolution=cut.settings.evolution,
        round_number=round_number,
        made=made,
        verdicts=tuple(verdicts),
        confidence=cut.settings.gate.confidence,
        trainings=dict(trainings),
        seconds=tuple(seconds.items()),
        before=before,
        observed=cut.world.name if knows_truth(cut.settings) else "",
    )
