"""The self-critique filter as steps: which critiques and edits become training data, and why others do not."""

import json
from collections import Counter
from typing import Any

from prefect import State
from pydantic import JsonValue

from models import prompts
from models.reconstruction import region_changes
from models.selfcritique import Decision, judge_critique, judge_edit
from storage.datasets import Picture
from tasks.shards import pool_picture, read_pictures, shard_images
from tasks.step import Entries, once, read_json, step_task, to_json
from viper.records import ArtifactRef, Shard
from viper.settings import Settings


def best_critique(
    critiques: list[dict[str, Any]],
    caption: str,
    first: list[float],
    refined: dict[str, list[float]],
    settings: Settings,
) -> tuple[dict[str, Any], Decision]:
    """The critique of one image that gained most, or the least bad rejection."""
    judged = [
        (
            one,
            judge_critique(
                one["refinements"],
                bool(one["refined"]) and one["refined"] != caption,
                first,
                refined.get(one["refined"], []),
                settings.filter,
            ),
        )
        for one in critiques
    ]
    return max(judged, key=lambda pair: (pair[1].kept, pair[1].gain, pair[0]["samples"], pair[0]["refinements"]))


@step_task(name="filter critiques", task_run_name="filter critiques of shard {shard.number}")
def filter_critiques(
    settings: Settings,
    shard: Shard,
    captions: ArtifactRef,
    paintings: ArtifactRef,
    critiques: ArtifactRef,
    judgements: ArtifactRef,
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``refinements``: ``refinements.json``, one entry an image with its decision; facts: counts by reason.

    ``refined`` is the accepted refined caption, or the first caption where nothing was accepted.
    """

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        texts, written = read_json(captions, "captions.json"), read_json(critiques, "critiques.json")
        first, refined = read_json(paintings, "distances.json"), read_json(judgements, "distances.json")
        rows: dict[str, dict[str, object]] = {}
        for image in sorted(texts):
            critique, decision = best_critique(written[image], texts[image], first[image], refined[image], settings)
            accepted = decision.kept and bool(critique["refined"])
            rows[image] = {
                "caption": texts[image],
                "refinements": critique["refinements"],
                "refined": critique["refined"] if accepted else texts[image],
                "kept": decision.kept,
                "reason": decision.reason,
                "gain": decision.gain,
                "first_distance": sum(first[image]) / len(first[image]),
            }
        counts = Counter(str(row["reason"]) for row in rows.values())
        return {"refinements.json": to_json(rows)}, {"reasons": dict(counts)}

    inputs = {
        "filter": settings.filter.model_dump(include={"enabled", "min_gain", "min_agreement", "max_faithful_distance"}),
        "captions": captions,
        "judgements": judgements,
        "critiques": critiques,
        "paintings": paintings,
    }
    return once("refinements", 2, inputs, compute)


@step_task(name="filter edits", task_run_name="filter edits of shard {shard.number}")
def filter_edits(settings: Settings, shard: Shard, edits: ArtifactRef) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``operations``: ``operations.json``, one entry an edit with its decision; facts: counts by reason."""

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        pictures, edited = shard_images(shard), read_pictures(edits, "")
        rows: dict[str, dict[str, object]] = {}
        for name, plan in sorted(read_json(edits, "edits.json").items()):
            changes = [float(x) for x in region_changes(pictures[plan["image"]], edited[name]).flatten()]
            decision = judge_edit(changes, plan["regions"], settings.filter)
            rows[name] = {**plan, "changes": changes, "kept": decision.kept, "reason": decision.reason}
        counts = Counter(str(row["reason"]) for row in rows.values())
        kinds = Counter(kind for row in rows.values() if row["kept"] for kind in _kinds(row))
        return {"operations.json": to_json(rows)}, {"reasons": dict(counts), "kinds": dict(kinds)}

    thresholds = settings.filter.model_dump(include={"enabled", "min_edit_change", "max_edit_spill"})
    return once("operations", 2, {"filter": thresholds, "edits": edits, "shard": shard}, compute)


def _kinds(row: dict[str, object]) -> list[str]:
    kinds = row["kinds"]
    assert isinstance(kinds, list)
    return kinds


def csr_rows(settings: Settings, shard: Shard, refinements: ArtifactRef) -> list[dict[str, object]]:
    """Rows of the CSR dataset from one shard: (image, first caption) → refinement sentences."""
    from models.rewards import split_sentences

    ask = prompts.SETS[settings.prompts].refine
    return [
        {
            "id": image,
            "images": [pool_picture(shard, image)],
            "prompt": ask.format(caption=row["caption"]),
            "truth": split_sentences(row["refinements"]),
            "meta": json.dumps(
                {"stage": "csr", "reason": row["reason"], "gain": row["gain"], "refined": row["refined"]}
            ),
        }
        for image, row in sorted(read_json(refinements, "refinements.json").items())
        if row["kept"]
    ]


def vop_rows(settings: Settings, shard: Shard, operations: ArtifactRef, edits: ArtifactRef) -> list[dict[str, object]]:
    """Rows of the VOP dataset from one shard: (image, edited image) → operation sentences."""
    ask = prompts.SETS[settings.prompts].predict
    return [
        {
            "id": name.replace("/", "-"),
            "images": [pool_picture(shard, row["image"]), Picture(edits, f"{name}.png")],
            "prompt": ask,
            "truth": list(row["sentences"]),
            "meta": json.dumps({"stage": "vop", "kinds": row["kinds"], "changes": row["changes"]}),
        }
        for name, row in sorted(read_json(operations, "operations.json").items())
        if row["kept"]
    ]
