"""Dataset versions: the kept samples of all shards under one key, with lineage."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from prefect import State
from prefect.states import Completed
from pydantic import JsonValue

from models import prompts
from storage.datasets import write_dataset
from storage.layout import dataset_key
from tasks.filtering import csr_rows, vop_rows
from tasks.provenance import code_version
from tasks.step import key_of, log, open_store, plain, seed_of, step_task
from tasks.survey import current_survey
from viper.errors import Collapsed
from viper.records import ArtifactRef, ModelRef, Shard
from viper.settings import Settings, Task


def balance_nothing(
    rows: list[dict[str, object]], share: float, least: int, rng: np.random.Generator
) -> tuple[list[dict[str, object]], int, int]:
    """Rows with at most a ``share`` that say that nothing is to correct, but ``least`` rows if there are as many.

    Returns:
        The rows, how many were left out, and how many of the rows correct something.
    """
    from models.selfcritique import says_nothing

    silent = [row for row in rows if says_nothing(str(row["truth"][0]))]  # type: ignore[index]
    others = len(rows) - len(silent)
    allowed = max(least - others, int(share * others / (1 - share)) if share < 1 else len(silent))
    if len(silent) <= allowed:
        return rows, 0, others
    dropped = {str(silent[i]["id"]) for i in rng.permutation(len(silent))[allowed:]}
    return [row for row in rows if row["id"] not in dropped], len(dropped), others


@step_task(name="version dataset", task_run_name="version {stage} dataset")
def version_dataset(
    settings: Settings,
    round_number: int,
    vlm: ModelRef,
    stage: Task,
    shards: Sequence[Shard],
    parts: Sequence[tuple[ArtifactRef, ...]],
    parent: ArtifactRef | None,
) -> ArtifactRef | State[ArtifactRef]:
    """The round's dataset version of a stage.

    Args:
        settings: Of the evolution.
        round_number: Counts from 1.
        vlm: The synthesizer.
        stage: ``csr`` or ``vop``.
        shards: All shards.
        parts: Per shard what the rows are read from: (refinements,) or (operations, edits).
        parent: The version of the round before, if there is one.

    Raises:
        Collapsed: The filter left fewer samples than ``filter.min_samples``, or a smaller share than
            ``collapse.min_filter_yield``.
    """
    from models.collapse import yield_collapse

    store = open_store()
    reasons = Counter[str]()
    for part in parts:
        found = store.manifest(part[0]).meta["reasons"]
        reasons.update({str(k): int(v) for k, v in found.items()})  # type: ignore[union-attr,arg-type]
    words = prompts.SETS[settings.prompts]
    inputs = {
        "stage": stage,
        "parts": list(parts),
        "prompt": words.refine if stage == "csr" else words.predict,
        "shards": list(shards),
        "filter": settings.filter.model_dump(include={"max_nothing_share", "min_samples"}),
        "seed": seed_of(settings, round_number, "balance"),
        "parent": parent,
        "inline_image_bytes": settings.synthesis.inline_image_bytes,
    }
    key = dataset_key(settings.evolution, round_number, stage, key_of("dataset", 4, inputs)[:16])
    if (survey := current_survey()) is not None:
        return survey.look(store, "dataset", key)
    if (version := store.find(key)) is not None:
        return Completed(name="Reused", message=f"{stage} dataset was versioned before", data=version)
    rows = [
        row
        for shard, part in zip(shards, parts, strict=True)
        for row in (csr_rows(settings, shard, *part) if stage == "csr" else vop_rows(settings, shard, *part))
    ]
    collapse = yield_collapse(stage, len(rows), reasons.total(), settings.filter.min_samples, settings.collapse)
    if collapse:
        listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        raise Collapsed(f"Synthesis: {collapse} Reasons: {listed}.")
    left_out, instructive = 0, len(rows)
    if stage == "csr":
        rng = np.random.default_rng(seed_of(settings, round_number, "balance"))
        share, least = settings.filter.max_nothing_share, settings.filter.min_samples
        rows, left_out, instructive = balance_nothing(rows, share, least, rng)
    lineage: dict[str, JsonValue] = {
        "evolution": settings.evolution,
        "round": round_number,
        "stage": stage,
        "parent": parent.sha256 if parent else "",
        "synthesizer": plain(vlm),
        "models": plain(settings.models),
        "settings_sha256": key_of("settings", 1, {"settings": settings}),
        "code_version": code_version(),
        "reasons": dict(sorted(reasons.items())),
        "left_out_for_balance": left_out,
        "instructive": instructive,
    }
    ref = write_dataset(store, key, rows, lineage, settings.synthesis.inline_image_bytes)
    log.info("%s dataset: %d samples, %s", stage, len(rows), dict(reasons))
    return ref


def instructive_rows(ref: ArtifactRef) -> int:
    """Number of rows of a dataset version that have something to teach: all but "nothing to correct"."""
    lineage = open_store().manifest(ref).meta["lineage"]
    assert isinstance(lineage, dict)
    return int(str(lineage["instructive"]))


def rows_sha256(ref: ArtifactRef) -> list[str]:
    """Hashes of the rows of a dataset version: equal for versions that differ in their lineage alone."""
    entries = open_store().manifest(ref).entries
    return [blob.sha256 for name, blob in sorted(entries.items()) if name.endswith(".parquet")]


def dataset_size(ref: ArtifactRef) -> int:
    """Number of rows of a dataset version."""
    counts = open_store().manifest(ref).meta["counts"]
    assert isinstance(counts, dict)
    return int(counts["rows"])  # type: ignore[arg-type]
