"""The self-critique filter as steps: which critiques and edits become training data, and why others do not."""

from collections import Counter

from models.judges.pixels import region_changes
from models.payloads import (
    Captions,
    Critiques,
    Distances,
    JudgedEdit,
    Judgements,
    Operations,
    Plans,
    Refinement,
    Refinements,
    Unwritten,
)
from models.selfcritique import CritiqueRules, EditRules, best_critique, judge_edit
from tasks.shards import read_payload, read_pictures, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Shard


class CritiqueFilterInputs(Inputs):
    """What decides which critiques of a shard are kept."""

    rules: CritiqueRules
    captions: ArtifactRef
    paintings: ArtifactRef
    critiques: ArtifactRef
    judgements: ArtifactRef

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "filter critiques"


class EditFilterInputs(Inputs):
    """What decides which edits of a shard are kept."""

    rules: EditRules
    shard: Shard
    edits: ArtifactRef

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"filter edits of shard {self.shard.number}"


@step("refinements", 4)
def filter_critiques(inputs: CritiqueFilterInputs, worker: Worker) -> Made:
    """Payload ``Refinements``; facts: counts by reason."""
    store = worker.store
    texts = read_payload(store, inputs.captions, Captions).root
    written = read_payload(store, inputs.critiques, Critiques).root
    first = read_payload(store, inputs.paintings, Distances).root
    refined = read_payload(store, inputs.judgements, Judgements).root
    rows: dict[str, Refinement] = {}
    for image, caption in sorted(texts.items()):
        critique, decision = best_critique(written[image], caption, first[image], refined[image], inputs.rules)
        rows[image] = Refinement(
            caption=caption,
            refinements=critique.refinements,
            refined=critique.refined if decision.kept and critique.refined else caption,
            kept=decision.kept,
            reason=decision.reason,
            gain=decision.gain,
            first_distance=sum(first[image]) / len(first[image]),
        )
    counts = Counter(row.reason for row in rows.values())
    return Made(Refinements(rows).encoded(), {"reasons": dict(counts)})


@step("operations", 4, items=lambda inputs, store: shard_size(store, inputs.shard))
def filter_edits(inputs: EditFilterInputs, worker: Worker) -> Made:
    """Payload ``Operations``; facts: counts by reason, and of the kept operations by kind.

    Edits for which nothing was written count under their reasons, so that all that were asked for are counted.
    """
    unwritten = read_payload(worker.store, inputs.edits, Unwritten).root
    pictures, edited = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.edits)
    rows: dict[str, JudgedEdit] = {}
    for name, plan in sorted(read_payload(worker.store, inputs.edits, Plans).root.items()):
        changes = tuple(float(x) for x in region_changes(pictures[plan.image], edited[name]).flatten())
        decision = judge_edit(changes, plan.regions, inputs.rules)
        rows[name] = JudgedEdit(**dict(plan), changes=changes, kept=decision.kept, reason=decision.reason)
    reasons = Counter(row.reason for row in rows.values()) + Counter(unwritten.values())
    kinds = Counter(kind for row in rows.values() if row.kept for kind in row.kinds)
    return Made(Operations(rows).encoded(), {"reasons": dict(reasons), "kinds": dict(kinds)})
