"""The data of a round: pool → captions → paintings → critiques → judge → CSR → operations → edits → judge → VOP."""

from collections.abc import Mapping

from prefect import flow

from flows import edit_inputs
from flows import synthesis_inputs as inputs
from flows.crash import say_why_it_crashed
from flows.cut import Cut
from flows.outcome import says_why
from flows.runner import Runner, gather, one_worker, run
from flows.start import begin
from storage.ledger.champions import champion_before
from tasks import (
    contamination,
    critique,
    editing,
    filtering,
    generation,
    judging,
    pages,
    planting,
    pool,
    reconstruction,
    rewriting,
    suites,
    witness,
)
from tasks.clock import timed
from tasks.versioning import version_dataset
from viper.errors import LessonLeftOut, PoolError
from viper.profiles import ProfileName, load_profile
from viper.records import ArtifactRef, ModelRef, Shard, Synthesis
from viper.settings import Settings

Products = dict[str, tuple[ArtifactRef, ...]]


@flow(
    name="synthesis",
    task_runner=one_worker,
    flow_run_name="synthesis of round {round_number}",
    on_crashed=[say_why_it_crashed],
)
@says_why
def synthesis(profile: ProfileName = "shapes", round_number: int = 1, settings: Settings | None = None) -> Synthesis:
    """The dataset versions of a round, made by the champion before it, and everything that led to them.

    Args:
        profile: Name or path, used where ``settings`` is not given.
        round_number: Counts from 1.
        settings: The evolution's settings.
    """
    runner, cut = begin(settings or load_profile(profile))
    champion = champion_before(runner.store, cut.settings.evolution, round_number) or cut.base
    title = f"data of round {round_number}"
    return runner.group(title, make_and_show_data, cut, round_number, cut.synthesizer(champion), {})


def make_and_show_data(
    runner: Runner, cut: Cut, round_number: int, vlm: ModelRef, parents: Mapping[str, ArtifactRef]
) -> Synthesis:
    """``make_data``, with yields and gallery in the Prefect UI."""
    made = make_data(runner, cut, round_number, vlm, parents)
    pages.show_yields(runner.store, cut.settings.evolution, made)
    pages.show_gallery(runner.store, cut.settings.evolution, made)
    return made


def make_data(
    runner: Runner, cut: Cut, round_number: int, vlm: ModelRef, parents: Mapping[str, ArtifactRef]
) -> Synthesis:
    """The dataset versions of a round.

    Args:
        runner: Runs the steps.
        cut: Of the evolution.
        round_number: Counts from 1.
        vlm: The synthesizer.
        parents: Dataset versions of the round before, by lesson.
    """
    clock: dict[str, float] = {}
    with timed(clock, "pool"):
        shards = take_shards(runner, cut, round_number)
    products = _reconstruct(runner, cut, round_number, vlm, shards, clock)
    products |= _edit(runner, cut, round_number, vlm, shards, products, clock)
    with timed(clock, "dataset versions"):
        datasets, left_out = version_datasets(runner, cut, round_number, vlm, shards, products, parents)
    return Synthesis(
        datasets=datasets, left_out=left_out, shards=shards, products=products, seconds=tuple(clock.items())
    )


def take_shards(runner: Runner, cut: Cut, round_number: int) -> tuple[Shard, ...]:
    """The round's images, without those that a suite holds.

    Raises:
        PoolError: Too many are unusable.
    """
    settings, store = cut.settings, runner.store
    files = {suite: run(runner, suites.fix_suite, inputs.suite(cut, suite)) for suite in settings.benchmarks.suites}
    hashes = [run(runner, contamination.hash_suite, inputs.hashes(cut, suite, file)) for suite, file in files.items()]
    listing = run(runner, pool.list_pool, inputs.listing(cut, round_number))
    takes = inputs.takes(cut, pool.read_listing(store, listing), hashes)
    taken = gather(runner.submit(pool.take_images, each) for each in takes)
    try:
        return pool.check_taken(store, taken, settings.pool.uri, settings.pool.max_rejected_share)
    except PoolError:
        # The round has not begun yet: once the pool is mended, a resume lists it anew.
        runner.forget(listing)
        raise


def _reconstruct(
    runner: Runner, cut: Cut, round_number: int, vlm: ModelRef, shards: tuple[Shard, ...], clock: dict[str, float]
) -> Products:
    """Image-level reconstruction: what the VLM says, what the painter makes of it, and which corrections stand."""
    with timed(clock, "captions"):
        captions = gather(
            runner.submit(generation.caption_images, inputs.captions(cut, round_number, vlm, one)) for one in shards
        )
    with timed(clock, "paintings"):
        paintings = gather(
            runner.submit(reconstruction.paint_captions, inputs.paintings(cut, round_number, *each))
            for each in zip(shards, captions, strict=True)
        )
    with timed(clock, "noise"):
        noise = run(runner, reconstruction.measure_noise, inputs.noise(cut, round_number, captions[0], paintings[0]))
    with timed(clock, "critiques"):
        critiques = gather(
            runner.submit(critique.critique_paintings, inputs.critiques(cut, round_number, vlm, *each))
            for each in zip(shards, captions, paintings, strict=True)
        )
        if cut.settings.ablation.planted_share:
            critiques = gather(
                runner.submit(planting.plant_wrong_sentences, inputs.planted(cut, round_number, *each))
                for each in zip(shards, captions, critiques, strict=True)
            )
    products = {"captions": captions, "paintings": paintings, "critiques": critiques, "noise": (noise,)}
    return products | _judge(runner, cut, round_number, vlm, shards, products, clock)


def _judge(
    runner: Runner,
    cut: Cut,
    round_number: int,
    vlm: ModelRef,
    shards: tuple[Shard, ...],
    products: Products,
    clock: dict[str, float],
) -> Products:
    """The self-critique filter: each correction by itself, then together those that stand."""
    captions, paintings, (noise,) = (products[name] for name in ("captions", "paintings", "noise"))
    with timed(clock, "critiques"):
        critiques = _critiques_to_judge(runner, cut, round_number, vlm, shards, products)
    with timed(clock, "judgements"):
        judgements = gather(
            runner.submit(judging.judge_corrections, inputs.judgements(cut, round_number, *each, noise))
            for each in zip(shards, captions, paintings, critiques, strict=True)
        )
    with timed(clock, "unions"):
        unions = gather(
            runner.submit(rewriting.put_together, inputs.unions(cut, round_number, vlm, *each))
            for each in zip(shards, captions, critiques, judgements, strict=True)
        )
    with timed(clock, "filter"):
        refinements = gather(
            runner.submit(filtering.filter_critiques, inputs.refinements(cut, round_number, *each, union, noise))
            for each, union in zip(
                zip(shards, captions, paintings, critiques, judgements, strict=True), unions, strict=True
            )
        )
    return {"judgements": judgements, "unions": unions, "refinements": refinements}


def _critiques_to_judge(
    runner: Runner, cut: Cut, round_number: int, vlm: ModelRef, shards: tuple[Shard, ...], products: Products
) -> tuple[ArtifactRef, ...]:
    """The critiques sentence by sentence, or each draw as a whole."""
    if cut.settings.filter.unit == "sentence":
        return products["critiques"]
    drawn = [
        inputs.critiques(cut, round_number, vlm, *each)
        for each in zip(shards, products["captions"], products["paintings"], strict=True)
    ]
    return gather(
        runner.submit(critique.take_whole, critique.WholeInputs(drawn=one, critiques=said))
        for one, said in zip(drawn, products["critiques"], strict=True)
    )


def _edit(
    runner: Runner,
    cut: Cut,
    round_number: int,
    vlm: ModelRef,
    shards: tuple[Shard, ...],
    products: Products,
    clock: dict[str, float],
) -> Products:
    """Instance-level reconstruction: operations on hard entities, their edits, and which of them stand."""
    (noise,) = products["noise"]
    with timed(clock, "edits"):
        plans = gather(
            runner.submit(editing.write_operations, edit_inputs.plans(cut, round_number, vlm, *each))
            for each in zip(shards, products["critiques"], products["refinements"], strict=True)
        )
        edits = gather(
            runner.submit(editing.edit_images, edit_inputs.edits(cut, round_number, *each))
            for each in zip(shards, plans, strict=True)
        )
        said = _witnesses(runner, cut, round_number, vlm, shards, edits)
    with timed(clock, "filter"):
        operations = gather(
            runner.submit(filtering.filter_edits, edit_inputs.operations(cut, shard, edited, noise, witnesses))
            for shard, edited, witnesses in zip(shards, edits, said, strict=True)
        )
    return {"edits": edits, "operations": operations}


def _witnesses(
    runner: Runner,
    cut: Cut,
    round_number: int,
    vlm: ModelRef,
    shards: tuple[Shard, ...],
    edits: tuple[ArtifactRef, ...],
) -> tuple[ArtifactRef | None, ...]:
    """What the VLM says happened in the edits; nothing where it is not asked, or where every edit is kept anyway."""
    rules = cut.settings.filter
    if not (rules.ask_vlm and rules.enabled):
        return (None,) * len(shards)
    return gather(
        runner.submit(witness.ask_what_happened, edit_inputs.witnesses(cut, round_number, vlm, *each))
        for each in zip(shards, edits, strict=True)
    )


def version_datasets(
    runner: Runner,
    cut: Cut,
    round_number: int,
    vlm: ModelRef,
    shards: tuple[Shard, ...],
    products: Products,
    parents: Mapping[str, ArtifactRef],
) -> tuple[dict[str, ArtifactRef], dict[str, str]]:
    """The dataset versions by lesson, and why others have none: one that has too little takes nothing from the rest."""
    datasets: dict[str, ArtifactRef] = {}
    left_out: dict[str, str] = {}
    for lesson in cut.lessons:
        made_of = inputs.dataset(cut, round_number, lesson, vlm, shards, products, parents.get(lesson))
        try:
            datasets[lesson] = run(runner, version_dataset, made_of)
        except LessonLeftOut as error:
            left_out[lesson] = str(error)
    return datasets, left_out
