"""Dataset versions: the kept samples of all shards under one key, with lineage."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import JsonValue

from models.collapse import YieldRules, yield_collapse
from models.lessons import find_lesson
from models.lessons.lesson import Sample, balance
from models.payloads import PRODUCTS
from storage.datasets import Picture, dataset_entries
from storage.layout import dataset_key
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.provenance import code_version
from tasks.shards import read_payload, stored_picture
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import LessonLeftOut
from viper.records import ArtifactRef, ModelRef, Occasion, Seed, Shard

log = logging.getLogger("viper")


class DatasetLineage(Occasion):
    """Where a dataset version comes from. It is kept with the version and decides nothing of it."""

    parent: ArtifactRef | None
    """The version of the round before, if there is one."""
    synthesizer: ModelRef
    models: dict[str, ModelRef]
    """The models that judged and painted, by role."""


class DatasetInputs(Inputs):
    """What decides the rows of a dataset version."""

    lesson: str
    prompt: str
    shards: tuple[Shard, ...]
    products: dict[str, tuple[ArtifactRef, ...]]
    """What the lesson needs, by name, one artifact a shard."""
    max_nothing_share: float
    rules: YieldRules
    inline_image_bytes: int
    seed: Seed
    lineage: DatasetLineage

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"version {self.lesson} dataset"


def _place(inputs: DatasetInputs, key: str) -> str:
    return dataset_key(inputs.lineage.evolution, inputs.lineage.round_number, inputs.lesson, key[:16])


@step("dataset", 6, place=_place)
def version_dataset(inputs: DatasetInputs, worker: Worker) -> Made:
    """The round's dataset version of a lesson, its rows sorted by id; facts: see ``dataset_entries``.

    Raises:
        LessonLeftOut: There are fewer samples than ``filter.min_samples``, or a smaller share than
            ``collapse.min_filter_yield``.
    """
    store, lesson = worker.store, find_lesson(inputs.lesson)
    reasons = _reasons(store, inputs.products[lesson.needs[0]])
    found: dict[str, tuple[int, Sample]] = {}
    for number in range(len(inputs.shards)):
        # An image that the pool holds twice is taught once.
        found = {sample.id: (number, sample) for sample in _samples(inputs, store, number)} | found
    samples = [sample for _, (_, sample) in sorted(found.items())]
    asked = reasons.total() or len(samples)  # of a lesson whose products no filter judged, all is kept
    lack = yield_collapse(inputs.lesson, len(samples), asked, inputs.rules)
    if lack:
        listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        why = f"{lack} Reasons: {listed or 'nothing was asked for'}."
        log.warning("Nothing is learned of %s: %s", inputs.lesson, why)
        raise LessonLeftOut(why)
    rng = np.random.default_rng(inputs.seed.of())
    kept, left_out = balance(samples, lesson, inputs.max_nothing_share, inputs.rules.min_samples, rng)
    lineage = _lineage(inputs) | {"reasons": dict(sorted(reasons.items())), "left_out_for_balance": left_out}
    rows = (_row(inputs, found[sample.id][0], sample) for sample in kept)
    entries, counts = dataset_entries(store, worker.folder, rows, lineage, inputs.inline_image_bytes)
    log.info("%s dataset: %d samples, %s", inputs.lesson, len(kept), dict(reasons))
    instructive = sum(lesson.teaches(sample) for sample in samples)
    return Made(entries, {"counts": counts, "instructive": instructive, LINEAGE: lineage})


def _reasons(store: ObjectStore, judged: tuple[ArtifactRef, ...]) -> Counter[str]:
    """How often the filter gave each reason, over all shards; nothing of a product that no filter judged."""
    counts = Counter[str]()
    for part in judged:
        found = store.manifest(part).meta.get("reasons")
        if isinstance(found, dict):
            counts.update({reason: int(str(count)) for reason, count in found.items()})
    return counts


def _samples(inputs: DatasetInputs, store: ObjectStore, number: int) -> list[Sample]:
    lesson = find_lesson(inputs.lesson)
    products = {name: read_payload(store, inputs.products[name][number], PRODUCTS[name]) for name in lesson.needs}
    return lesson.samples(products, inputs.prompt)


def _row(inputs: DatasetInputs, number: int, sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "images": list(_pictures(inputs, number, sample)),
        "prompt": sample.prompt,
        "truth": list(sample.truth),
        "meta": json.dumps(sample.meta),
    }


def _pictures(inputs: DatasetInputs, number: int, sample: Sample) -> Iterator[Picture]:
    for image in sample.images:
        holder = inputs.shards[number].pool if image.product == "pool" else inputs.products[image.product][number]
        yield stored_picture(holder, image.name)


def _lineage(inputs: DatasetInputs) -> dict[str, JsonValue]:
    given = inputs.lineage
    return {
        "evolution": given.evolution,
        "round": given.round_number,
        "lesson": inputs.lesson,
        "parent": given.parent.sha256 if given.parent else "",
        "synthesizer": given.synthesizer.model_dump(mode="json"),
        "models": {role: model.model_dump(mode="json") for role, model in given.models.items()},
        "settings_sha256": given.settings_sha256,
        "code_version": code_version(),
    }


def instructive_rows(store: ObjectStore, ref: ArtifactRef) -> int:
    """Number of rows of a dataset version that have something to teach: all but "nothing to correct"."""
    return int(str(store.manifest(ref).meta["instructive"]))


def lack_of_lessons(store: ObjectStore, datasets: tuple[ArtifactRef, ...], min_samples: int, stage: str) -> str:
    """Why a stage is left out, in a sentence; empty if its dataset versions have ``min_samples`` rows that teach.

    A champion whose captions are right leaves nothing to correct: that is no collapse.
    """
    rows = sum(instructive_rows(store, ref) for ref in datasets)
    if rows >= min_samples:
        return ""
    lack = f"Stage {stage} is left out: {rows} samples have something to teach; filter.min_samples is {min_samples}."
    log.info(lack)
    return lack


def dataset_size(store: ObjectStore, ref: ArtifactRef) -> int:
    """Number of rows of a dataset version."""
    counts = store.manifest(ref).meta["counts"]
    return int(str(counts["rows"])) if isinstance(counts, dict) else 0
