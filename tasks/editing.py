"""Instance-level reconstruction: operations on hard entities are written, then applied by the editor."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from prefect import State
from pydantic import JsonValue

from models import prompts
from models.diffusion import Editor
from models.operations import Edit, read_written, write_by_grammar
from models.vlm import Prompt
from tasks.generation import load
from tasks.shards import png_bytes, shard_images
from tasks.step import Entries, fingerprint, once, read_json, seed_of, step_task, to_json, worker_model
from viper.records import ArtifactRef, ModelRef, Shard
from viper.settings import DiffusionSettings, Settings

if TYPE_CHECKING:
    from PIL.Image import Image


def load_editor(settings: DiffusionSettings) -> Editor:
    """The editor of this worker."""
    return worker_model(Editor, settings)


@step_task(name="write operations", task_run_name="write operations for shard {shard.number}")
def write_operations(
    settings: Settings, round_number: int, vlm: ModelRef, shard: Shard, critiques: ArtifactRef, refinements: ArtifactRef
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``plans``: ``plans.json``, by ``<image id>/<number>`` the sentences, regions and kinds of an edit."""
    synthesis, ask = settings.synthesis, prompts.SETS[settings.prompts].operations

    def by_grammar(rows: dict[str, dict[str, str]]) -> dict[str, Edit | None]:
        doubts = read_json(critiques, "critiques.json")
        plans = {}
        for image, row in rows.items():
            said = [one["refinements"] for one in doubts[image]]
            for number in range(synthesis.edits_per_image):
                rng = np.random.default_rng(seed_of(settings, round_number, "operations", f"{image}/{number}"))
                plans[f"{image}/{number}"] = write_by_grammar(row["refined"], said, synthesis.max_operations, rng)
        return plans

    def by_model(rows: dict[str, dict[str, str]]) -> dict[str, Edit | None]:
        pictures = shard_images(shard)
        names = [(image, number) for image in rows for number in range(synthesis.edits_per_image)]
        replies = load(settings, vlm).generate(
            [Prompt(ask.format(caption=rows[image]["refined"]), (pictures[image],)) for image, _ in names],
            max_new_tokens=synthesis.max_new_tokens,
            batch=synthesis.batch,
            temperature=synthesis.critique_temperature,
            seeds=[seed_of(settings, round_number, "operations", f"{image}/{number}") for image, number in names],
        )
        written = zip(names, replies, strict=True)
        return {
            f"{image}/{number}": read_written(reply, synthesis.max_operations) for (image, number), reply in written
        }

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        rows = read_json(refinements, "refinements.json")
        plans = by_grammar(rows) if synthesis.writer == "grammar" else by_model(rows)
        kept = {name: {**asdict(plan), "image": name.split("/")[0]} for name, plan in plans.items() if plan}
        return {"plans.json": to_json(kept)}, {"plans": len(kept), "without": len(plans) - len(kept)}

    inputs = {
        "critiques": critiques,
        "refinements": refinements,
        "shard": shard,
        "prompt": ask,
        "vlm": [vlm.fingerprint, settings.models.vlm.dtype] if synthesis.writer == "vlm" else [],
        "synthesis": synthesis.model_dump(
            include={"writer", "edits_per_image", "max_operations"}
            | ({"max_new_tokens", "batch", "critique_temperature"} if synthesis.writer == "vlm" else set())
        ),
        "seed": seed_of(settings, round_number, "operations"),
    }
    return once("plans", 2, inputs, compute)


@step_task(name="edit images", task_run_name="edit shard {shard.number}")
def edit_images(
    settings: Settings, round_number: int, shard: Shard, plans: ArtifactRef
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``edits``: ``<image id>/<number>.png`` and ``edits.json`` (the plans).

    The operations of one plan are applied one after the other, each to the result of the one before.
    """

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        pictures, written = shard_images(shard), read_json(plans, "plans.json")
        editor = load_editor(settings.models.editor)
        current: dict[str, Image] = {name: pictures[plan["image"]] for name, plan in sorted(written.items())}
        for turn in range(max((len(plan["sentences"]) for plan in written.values()), default=0)):
            names = [name for name in current if turn < len(written[name]["sentences"])]
            edited = editor.edit(
                [current[name] for name in names],
                [written[name]["sentences"][turn] for name in names],
                [seed_of(settings, round_number, "edit", f"{name}/{turn}") for name in names],
            )
            current.update(zip(names, edited, strict=True))
        entries: dict[str, bytes] = {f"{name}.png": png_bytes(image) for name, image in current.items()}
        return {**entries, "edits.json": to_json(written)}, {"edits": len(current)}

    inputs = {
        "editor": fingerprint(settings.models.editor),
        "editing": settings.models.editor.model_dump(exclude={"path", "device", "revision"}),
        "plans": plans,
        "shard": shard,
        "seed": seed_of(settings, round_number, "edit"),
    }
    return once("edits", 1, inputs, compute)
