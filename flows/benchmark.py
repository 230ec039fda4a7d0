"""Benchmarks of one or several models on the same questions."""

from prefect import flow

from flows.synthesis import gather, one_worker
from tasks import evaluation, suites
from tasks.promotion import base_vlm, champion_before
from viper.profiles import load_profile
from viper.records import ArtifactRef, ModelRef
from viper.settings import Settings


@flow(name="benchmark", task_runner=one_worker)
def benchmark(
    profile: str = "shapes", settings: Settings | None = None, vlms: dict[str, ModelRef] | None = None
) -> dict[str, dict[str, list[ArtifactRef]]]:
    """Replies by role and suite: for each suite its shards in order.

    Args:
        profile: Name or path, used where ``settings`` is not given.
        settings: The evolution's settings.
        vlms: Models by role; by default the base and the evolution's champion. A model with two roles answers once.
    """
    settings = settings or load_profile(profile)
    suites.check_suites(settings.benchmarks)
    if vlms is None:
        vlms = {"base": base_vlm(settings), "champion": champion_before(settings, 10_000 - 1)}
    fixed = {suite: suites.fix_suite(settings, suite) for suite in settings.benchmarks.suites}
    models = {vlm.fingerprint: vlm for vlm in vlms.values()}
    # All models answer a shard before the next one, which is decoded and processed once for them.
    futures = {
        suite: [
            {
                name: evaluation.answer_questions.submit(settings, vlm, suite, file, shard)
                for name, vlm in models.items()
            }
            for shard in range(suites.shard_count(file))
        ]
        for suite, file in fixed.items()
    }
    answered = {
        name: {suite: gather(shard[name] for shard in shards) for suite, shards in futures.items()} for name in models
    }
    return {role: answered[vlm.fingerprint] for role, vlm in vlms.items()}
