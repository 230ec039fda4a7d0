"""The data of a round: pool → captions → paintings → critiques → filter → CSR → edits → filter → VOP."""

from collections.abc import Iterable
from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from tasks import (
    contamination,
    critique,
    editing,
    filtering,
    generation,
    pool,
    reconstruction,
    reporting,
    suites,
    versioning,
)
from tasks.clock import timed
from tasks.promotion import champion_before
from viper.errors import Collapsed
from viper.profiles import load_profile
from viper.records import ArtifactRef, ModelRef, Synthesis
from viper.settings import Settings, Task

one_worker: Any = ThreadPoolTaskRunner(max_workers=1)
"""A process is one worker: its models are loaded once and never shared between threads."""


def gather(futures: Iterable[PrefectFuture[ArtifactRef]]) -> list[ArtifactRef]:
    """The results of submitted steps, in their order. Raises what the first failed step raised."""
    return [future.result() for future in list(futures)]


def hash_suites(settings: Settings) -> list[ArtifactRef]:
    """Hashes of the pictures of every suite, which the pool must not hold."""
    files = {suite: suites.fix_suite(settings, suite) for suite in settings.benchmarks.suites}
    return [contamination.hash_suite(settings, suite, file) for suite, file in files.items()]


@flow(name="synthesis", task_runner=one_worker, flow_run_name="synthesis of round {round_number}")
def synthesis(
    profile: str = "shapes",
    round_number: int = 1,
    settings: Settings | None = None,
    vlm: ModelRef | None = None,
    parents: dict[str, ArtifactRef] | None = None,
) -> Synthesis:
    """The dataset versions of a round, and everything that led to them.

    Args:
        profile: Name or path, used where ``settings`` is not given.
        round_number: Counts from 1.
        settings: The evolution's settings.
        vlm: The synthesizer; by default the champion before the round.
        parents: Dataset versions of the round before, by stage.
    """
    settings = settings or load_profile(profile)
    made = make_data(settings, round_number, vlm or champion_before(settings, round_number), parents or {})
    reporting.show_yields(made)
    reporting.show_gallery(settings, made)
    return made


def make_data(settings: Settings, round_number: int, vlm: ModelRef, parents: dict[str, ArtifactRef]) -> Synthesis:
    """The steps of ``synthesis`` in order, with nothing shown."""
    clock: dict[str, float] = {}
    with timed(clock, "pool"):
        images = pool.take_images(settings, round_number, hash_suites(settings))
    shards = pool.shards_of(images)
    with timed(clock, "captions"):
        captions = gather(generation.caption_images.submit(settings, vlm, shard) for shard in shards)
    with timed(clock, "paintings"):
        paintings = gather(
            reconstruction.paint_captions.submit(settings, round_number, shard, said)
            for shard, said in zip(shards, captions, strict=True)
        )
    with timed(clock, "critiques"):
        critiques = gather(
            critique.critique_paintings.submit(settings, round_number, vlm, *each)
            for each in zip(shards, captions, paintings, strict=True)
        )
    with timed(clock, "judgements"):
        judgements = gather(
            reconstruction.paint_refined.submit(settings, round_number, *each)
            for each in zip(shards, critiques, strict=True)
        )
    with timed(clock, "filter"):
        refinements = gather(
            filtering.filter_critiques.submit(settings, *each)
            for each in zip(shards, captions, paintings, critiques, judgements, strict=True)
        )
    with timed(clock, "edits"):
        plans = gather(
            editing.write_operations.submit(settings, round_number, vlm, *each)
            for each in zip(shards, critiques, refinements, strict=True)
        )
        edits = gather(
            editing.edit_images.submit(settings, round_number, *each) for each in zip(shards, plans, strict=True)
        )
    with timed(clock, "filter"):
        operations = gather(filtering.filter_edits.submit(settings, *each) for each in zip(shards, edits, strict=True))

    datasets: dict[str, ArtifactRef] = {}
    collapse = ""
    with timed(clock, "dataset versions"):
        parts: dict[Task, list[tuple[ArtifactRef, ...]]] = {
            "csr": [(one,) for one in refinements],
            "vop": list(zip(operations, edits, strict=True)),
        }
        try:
            for name, made_of in parts.items():
                datasets[name] = versioning.version_dataset(
                    settings, round_number, vlm, name, shards, made_of, parents.get(name)
                )
        except Collapsed as error:
            collapse = str(error)
    return Synthesis(
        datasets=datasets,
        collapse=collapse,
        shards=tuple(shards),
        paintings=tuple(paintings),
        refinements=tuple(refinements),
        operations=tuple(operations),
        edits=tuple(edits),
        seconds=tuple(clock.items()),
    )
