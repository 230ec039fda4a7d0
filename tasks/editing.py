"""Instance-level reconstruction: operations on hard entities are written, then applied by the editor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from models.operations import read_written
from models.payloads import Critiques, Plan, Plans, Refinement, Refinements, Unwritten, shortened_of
from models.tries import Tries, Unusable, ask, unusable
from models.unread import NOT_EDITED
from models.worlds import find_world
from storage.images import encode_png
from storage.objects import ObjectStore
from tasks.shards import PNG, read_payload, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.diffusion import DiffusionUse
from viper.records import ArtifactRef, Record, Seed, Shard, VlmUse

if TYPE_CHECKING:
    from PIL.Image import Image


NO_OPERATIONS = "wrote no operations"


class AskedOperations(Record):
    """How the VLM writes operations."""

    vlm: VlmUse
    prompt: str
    """With the blank ``{caption}``."""
    shard: Shard
    temperature: float
    tries: int
    """Replies to one prompt, until one can be used."""
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


def _asked_pictures(inputs: PlanInputs, store: ObjectStore) -> int:
    """Pictures of the shard that the VLM is shown; rules show nobody any, and take no time."""
    return shard_size(store, inputs.written.shard) if isinstance(inputs.written, AskedOperations) else 0


@step("plans", 7, roles=("vlm",), items=_asked_pictures)
def write_operations(inputs: PlanInputs, worker: Worker) -> Made:
    """Payloads ``Plans`` and ``Unwritten``.

    Facts: how many edits are planned, for how many nothing was written, how many replies were asked for again.
    """
    rows = read_payload(worker.store, inputs.refinements, Refinements).root
    written, again = inputs.written, 0
    if isinstance(written, RuledOperations):
        found = _by_rules(inputs, written, worker, rows)
    else:
        found, again = _asked(inputs, written, worker, rows)
    plans = Plans({name: plan for name, plan in found.items() if isinstance(plan, Plan)})
    without = Unwritten({name: why.reason for name, why in found.items() if isinstance(why, Unusable)})
    facts = {"plans": len(plans.root), "without": len(without.root), "asked_again": again}
    return Made({**plans.encoded(), **without.encoded()}, facts)


def _by_rules(
    inputs: PlanInputs, written: RuledOperations, worker: Worker, rows: Mapping[str, Refinement]
) -> dict[str, Plan | Unusable]:
    rules = find_world(written.world).need_rules()
    doubts = read_payload(worker.store, written.critiques, Critiques).root
    plans: dict[str, Plan | Unusable] = {}
    for image, row in rows.items():
        said = [one.refinements for one in doubts[image]]
        for number in range(inputs.edits_per_image):
            rng = np.random.default_rng(inputs.seed.of(f"{image}/{number}"))
            plan = rules.write_operations(image, row.refined, said, row.differs, inputs.max_operations, rng)
            plans[f"{image}/{number}"] = plan or Unusable(NO_OPERATIONS)
    return plans


def _asked(
    inputs: PlanInputs, written: AskedOperations, worker: Worker, rows: Mapping[str, Refinement]
) -> tuple[dict[str, Plan | Unusable], int]:
    """The plans, and how many replies were asked for again."""
    from models.prompt_reader import Prompt

    pictures = shard_images(worker.store, written.shard)
    prompts = {
        f"{image}/{number}": Prompt(written.prompt.format(caption=row.refined), (pictures[image],))
        for image, row in rows.items()
        for number in range(inputs.edits_per_image)
    }

    def read(name: str, reply: str) -> Plan | Unusable:
        plan = read_written(name.rpartition("/")[0], reply, inputs.max_operations)
        return plan or unusable(reply, NO_OPERATIONS)

    tries = Tries(
        most=written.tries,
        temperature=written.temperature,
        again=written.temperature,
        seed=inputs.seed,
        max_new_tokens=written.max_new_tokens,
        batch=written.batch,
    )
    return ask(worker.vlm(written.vlm), prompts, read, tries)


@step("edits", 6, roles=("editor",), items=lambda inputs, store: shard_size(store, inputs.shard))
def edit_images(inputs: EditInputs, worker: Worker) -> Made:
    """Payloads ``Plans``, ``Unwritten`` and ``Shortened``, and ``<image id>/<number>.png``.

    The operations of one plan are applied one after the other, each to the result of the one before. A plan with an
    operation that the editor does not read to its end is among the unwritten ones.
    """
    pictures = shard_images(worker.store, inputs.shard)
    written = dict(sorted(read_payload(worker.store, inputs.plans, Plans).root.items()))
    editor = worker.editor(inputs.editor)
    said = {f"{name}/{turn}": text for name, plan in written.items() for turn, text in enumerate(plan.sentences)}
    shortened = shortened_of({name: editor.fit(text) for name, text in said.items()})
    unread = {one.rpartition("/")[0] for one in shortened.root}
    plans = {name: plan for name, plan in written.items() if name not in unread}
    current: dict[str, Image] = {name: pictures[plan.image] for name, plan in plans.items()}
    for turn in range(max((len(plan.sentences) for plan in plans.values()), default=0)):
        names = [name for name in current if turn < len(plans[name].sentences)]
        edited = editor.edit(
            [current[name] for name in names],
            [plans[name].sentences[turn] for name in names],
            [inputs.seed.of(f"{name}/{turn}") for name in names],
        )
        current.update(zip(names, edited, strict=True))
    entries = {f"{name}{PNG}": encode_png(image) for name, image in current.items()}
    reasons = read_payload(worker.store, inputs.plans, Unwritten).root
    unwritten = Unwritten({**reasons, **dict.fromkeys(sorted(unread), NOT_EDITED)})
    return Made(
        {**entries, **Plans(plans).encoded(), **unwritten.encoded(), **shortened.encoded()},
        {"edits": len(current), **shortened.counts()},
    )
