"""Instance-level reconstruction: operations on hard entities are written, then applied by the editor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from models.operations import read_written
from models.payloads import Critiques, FittedText, Plan, Plans, Refinement, Refinements, shortened_of
from models.worlds import find_world
from storage.images import encode_png
from tasks.shards import PNG, read_payload, shard_images
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.diffusion import DiffusionUse
from viper.records import ArtifactRef, Record, Seed, Shard, VlmUse

if TYPE_CHECKING:
    from PIL.Image import Image


class AskedOperations(Record):
    """How the VLM writes operations."""

    vlm: VlmUse
    prompt: str
    """With the blank ``{caption}``."""
    shard: Shard
    temperature: float
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""


class RuledOperations(Record):
    """How the rules of a world write operations."""

    world: str
    version: int
    """Of the world's rules."""
    critiques: ArtifactRef
    """What any of them corrects is in doubt."""


class PlanInputs(Inputs):
    """What decides the operations for a shard."""

    refinements: ArtifactRef
    edits_per_image: int
    max_operations: int
    written: RuledOperations | AskedOperations
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "write operations"


class EditInputs(Inputs):
    """What decides the edited pictures of a shard."""

    shard: Shard
    plans: ArtifactRef
    editor: DiffusionUse
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"edit shard {self.shard.number}"


@step("plans", 4, roles=("vlm",))
def write_operations(inputs: PlanInputs, worker: Worker) -> Made:
    """Payload ``Plans``; facts: how many edits are planned, and for how many nothing could be written."""
    rows = read_payload(worker.store, inputs.refinements, Refinements).root
    written = inputs.written
    if isinstance(written, RuledOperations):
        plans = _by_rules(inputs, written, worker, rows)
    else:
        plans = _asked(inputs, written, worker, rows)
    kept = {name: plan for name, plan in plans.items() if plan}
    return Made(Plans(kept).encoded(), {"plans": len(kept), "without": len(plans) - len(kept)})


def _by_rules(
    inputs: PlanInputs, written: RuledOperations, worker: Worker, rows: Mapping[str, Refinement]
) -> dict[str, Plan | None]:
    rules = find_world(written.world).need_rules()
    doubts = read_payload(worker.store, written.critiques, Critiques).root
    plans = {}
    for image, row in rows.items():
        said = [one.refinements for one in doubts[image]]
        for number in range(inputs.edits_per_image):
            rng = np.random.default_rng(inputs.seed.of(f"{image}/{number}"))
            plans[f"{image}/{number}"] = rules.write_operations(image, row.refined, said, inputs.max_operations, rng)
    return plans


def _asked(
    inputs: PlanInputs, written: AskedOperations, worker: Worker, rows: Mapping[str, Refinement]
) -> dict[str, Plan | None]:
    from models.vlm import Prompt

    pictures = shard_images(worker.store, written.shard)
    names = [(image, number) for image in rows for number in range(inputs.edits_per_image)]
    replies = worker.vlm(written.vlm).generate(
        [Prompt(written.prompt.format(caption=rows[image].refined), (pictures[image],)) for image, _ in names],
        max_new_tokens=written.max_new_tokens,
        batch=written.batch,
        temperature=written.temperature,
        seeds=[inputs.seed.of(f"{image}/{number}") for image, number in names],
    )
    return {
        f"{image}/{number}": read_written(image, reply, inputs.max_operations)
        for (image, number), reply in zip(names, replies, strict=True)
    }


@step("edits", 4, roles=("editor",))
def edit_images(inputs: EditInputs, worker: Worker) -> Made:
    """Payloads ``Plans`` and ``Shortened``, and ``<image id>/<number>.png``.

    The operations of one plan are applied one after the other, each to the result of the one before.
    """
    pictures = shard_images(worker.store, inputs.shard)
    plans = read_payload(worker.store, inputs.plans, Plans)
    editor = worker.editor(inputs.editor)
    fitted: dict[str, FittedText] = {}
    current: dict[str, Image] = {name: pictures[plan.image] for name, plan in sorted(plans.root.items())}
    for turn in range(max((len(plan.sentences) for plan in plans.root.values()), default=0)):
        names = [name for name in current if turn < len(plans.root[name].sentences)]
        given = {name: editor.fit(plans.root[name].sentences[turn]) for name in names}
        fitted |= {f"{name}/{turn}": one for name, one in given.items()}
        edited = editor.edit(
            [current[name] for name in names],
            [given[name].text for name in names],
            [inputs.seed.of(f"{name}/{turn}") for name in names],
        )
        current.update(zip(names, edited, strict=True))
    entries = {f"{name}{PNG}": encode_png(image) for name, image in current.items()}
    shortened = shortened_of(fitted)
    return Made({**entries, **plans.encoded(), **shortened.encoded()}, {"edits": len(current), **shortened.counts()})
