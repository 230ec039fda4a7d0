"""The data of a round: pool → captions → paintings → critiques → filter → CSR → edits → filter → VOP."""

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from tasks import critique, editing, filtering, generation, pool, reconstruction, reporting, versioning
from tasks.clock import timed
from tasks.promotion import champion_before
from viper.records import ArtifactRef, Synthesis, Vlm
from viper.settings import Settings, load_profile

one_worker = ThreadPoolTaskRunner(max_workers=1)  # type: ignore[var-annotated]
"""A process is one worker: its models are loaded once and never shared between threads."""


@flow(name="synthesis", task_runner=one_worker, flow_run_name="synthesis of round {round_number}")
def synthesis(
    profile: str = "shapes",
    round_number: int = 1,
    settings: Settings | None = None,
    vlm: Vlm | None = None,
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
    vlm = vlm or champion_before(settings, round_number)
    parents = parents or {}
    clock: dict[str, float] = {}

    with timed(clock, "pool"):
        images = pool.take_images(settings, round_number)
    shards = pool.shards_of(images)
    with timed(clock, "captions"):
        captions = [generation.caption_images.submit(settings, vlm, shard) for shard in shards]
        captions = [future.result() for future in captions]
    with timed(clock, "paintings"):
        paintings = [
            reconstruction.paint_captions.submit(settings, round_number, shard, said)
            for shard, said in zip(shards, captions, strict=True)
        ]
        paintings = [future.result() for future in paintings]
    with timed(clock, "critiques"):
        critiques = [
            critique.critique_paintings.submit(settings, round_number, vlm, *each)
            for each in zip(shards, captions, paintings, strict=True)
        ]
        critiques = [future.result() for future in critiques]
    with timed(clock, "judgements"):
        judgements = [
            reconstruction.paint_refined.submit(settings, round_number, *each)
            for each in zip(shards, critiques, strict=True)
        ]
        judgements = [future.result() for future in judgements]
    with timed(clock, "filter"):
        refinements = [
            filtering.filter_critiques.submit(settings, *each)
            for each in zip(shards, captions, paintings, critiques, judgements, strict=True)
        ]
        refinements = [future.result() for future in refinements]
    with timed(clock, "edits"):
        plans = [
            editing.write_operations.submit(settings, round_number, vlm, *each)
            for each in zip(shards, critiques, refinements, strict=True)
        ]
        plans = [future.result() for future in plans]
        edits = [editing.edit_images.submit(settings, round_number, *each) for each in zip(shards, plans, strict=True)]
        edits = [future.result() for future in edits]
    with timed(clock, "filter"):
        operations = [filtering.filter_edits.submit(settings, *each) for each in zip(shards, edits, strict=True)]
        operations = [future.result() for future in operations]

    with timed(clock, "dataset versions"):
        csr = versioning.version_dataset(
            settings, round_number, vlm, "csr", shards, [(one,) for one in refinements], parents.get("csr")
        )
        vop = versioning.version_dataset(
            settings,
            round_number,
            vlm,
            "vop",
            shards,
            list(zip(operations, edits, strict=True)),
            parents.get("vop"),
        )
    made = Synthesis(
        datasets={"csr": csr, "vop": vop},
        shards=tuple(shards),
        paintings=tuple(paintings),
        refinements=tuple(refinements),
        operations=tuple(operations),
        edits=tuple(edits),
        seconds=clock,
    )
    reporting.show_yields(made)
    reporting.show_gallery(settings, made)
    return made
