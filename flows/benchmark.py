"""Benchmarks of one or several models on the same questions."""

from collections.abc import Mapping

from prefect import flow

from flows import synthesis_inputs, training_inputs
from flows.crash import say_why_it_crashed
from flows.cut import Cut
from flows.outcome import says_why
from flows.runner import Runner, gather, one_worker, run
from flows.start import begin
from storage.layout import MAX_ROUNDS
from storage.ledger.champions import champion_before
from tasks import evaluation, suites
from viper.profiles import ProfileName, load_profile
from viper.records import ArtifactRef, ModelRef
from viper.settings import Settings

Replies = dict[str, tuple[ArtifactRef, ...]]
"""By suite: the shards of a model's replies, in order."""


@flow(
    name="benchmark",
    task_runner=one_worker,
    flow_run_name="benchmark of {profile}",
    on_crashed=[say_why_it_crashed],
)
@says_why
def benchmark(
    profile: ProfileName = "shapes", settings: Settings | None = None, models: dict[str, ModelRef] | None = None
) -> dict[str, Replies]:
    """Replies by role and suite.

    Args:
        profile: Name or path, used where ``settings`` is not given.
        settings: The evolution's settings.
        models: By role; by default the base and the evolution's champion.
    """
    settings = settings or load_profile(profile)
    suites.check_suites(settings.benchmarks)
    runner, cut = begin(settings)
    if models is None:
        champion = champion_before(runner.store, settings.evolution, MAX_ROUNDS) or cut.base
        models = {"base": cut.base, "champion": champion}
    replies: dict[str, Replies] = runner.group("benchmarks", answer_suites, cut, models)
    return replies


def answer_suites(runner: Runner, cut: Cut, models: Mapping[str, ModelRef]) -> dict[str, Replies]:
    """Replies by role and suite. A model with two roles answers once."""
    names = cut.settings.benchmarks.suites
    files = {suite: run(runner, suites.fix_suite, synthesis_inputs.suite(cut, suite)) for suite in names}
    distinct = {model.fingerprint: model for model in models.values()}
    # All models answer a shard before the next one, which is decoded and processed once for them.
    pending = {
        suite: [
            {
                name: runner.submit(
                    evaluation.answer_questions, training_inputs.answers(cut, model, suite, file, shard)
                )
                for name, model in distinct.items()
            }
            for shard in range(suites.shard_count(runner.store, file))
        ]
        for suite, file in files.items()
    }
    answered = {
        name: {suite: gather(shard[name] for shard in shards) for suite, shards in pending.items()} for name in distinct
    }
    return {role: answered[model.fingerprint] for role, model in models.items()}
