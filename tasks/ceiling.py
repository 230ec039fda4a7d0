"""True labels in place of the loop's own, to measure how much a round could gain. No round calls this."""

import numpy as np
from prefect import State
from pydantic import JsonValue

from models.worlds.shapes.truth import true_refinements
from tasks.pool import RENDERED
from tasks.shards import shard_images
from tasks.step import Entries, once, read_json, seed_of, step_task, to_json
from viper.errors import PoolError
from viper.records import ArtifactRef, Shard
from viper.settings import Settings


def check_truth(settings: Settings) -> None:
    """Make sure that the pool's truth is known, before any work starts.

    Raises:
        PoolError: The pool is not of the embedded world.
    """
    if settings.pool.uri != RENDERED:
        raise PoolError(f'True labels are known for the pool "{RENDERED}" only; pool.uri is {settings.pool.uri!r}.')


@step_task(name="write true refinements", task_run_name="write true refinements of shard {shard.number}")
def write_true_refinements(
    settings: Settings, round_number: int, shard: Shard, captions: ArtifactRef
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact with ``refinements.json`` and ``critiques.json`` as the loop's own steps write them, but right."""
    seed = seed_of(settings, round_number, "true refinements", shard.number)

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        texts, rng = read_json(captions, "captions.json"), np.random.default_rng(seed)
        rows: dict[str, dict[str, object]] = {}
        for image, picture in sorted(shard_images(shard).items()):
            said, refined = true_refinements(np.asarray(picture), texts[image], rng)
            rows[image] = {
                "caption": texts[image],
                "refinements": said,
                "refined": refined,
                "kept": True,
                "reason": "true label",
                "gain": 0.0,
            }
        critiques = {image: [{"refinements": row["refinements"]}] for image, row in rows.items()}
        entries = {"refinements.json": to_json(rows), "critiques.json": to_json(critiques)}
        return entries, {"reasons": {"true label": len(rows)}}

    return once("true-refinements", 1, {"shard": shard, "captions": captions, "seed": seed}, compute)
