"""The self-critique filter as steps: which critiques and edits become training data, and why others do not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from models.nothing import says_nothing
from models.payloads import (
    Captions,
    Critique,
    Critiques,
    JudgedEdit,
    Judgements,
    Noise,
    Operations,
    Plans,
    Refinement,
    Refinements,
    Shortened,
    Union,
    Unions,
    Unwritten,
    Verdict,
    Witnesses,
)
from models.places import largest_by_region
from models.selfcritique import (
    ACCEPTED,
    RIVAL,
    CritiqueRules,
    EditRules,
    judge_by_witness,
    judge_edit,
    judge_nothing,
    unfiltered,
    without_idle,
)
from models.sentences import join_sentences
from models.unread import NOT_PAINTED
from tasks.proving import CritiqueFilterInputs, Proof, prove
from tasks.shards import read_payload, read_pictures, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, JudgeUse, Shard


class EditFilterInputs(Inputs):
    """What decides which edits of a shard are kept."""

    rules: EditRules
    judge: JudgeUse
    shard: Shard
    edits: ArtifactRef
    noise: ArtifactRef
    witnesses: ArtifactRef | None = None
    """What the VLM says of each operation; ``None`` where it is not asked."""

    def identity(self) -> object:
        """Everything; where the VLM is not asked, what it always was."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in fields.items() if (name, value) != ("witnesses", None)}

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"filter edits of shard {self.shard.number}"


@step("refinements", 7, roles=("painter", "judge"), items=lambda inputs, store: shard_size(store, inputs.shard))
def filter_critiques(inputs: CritiqueFilterInputs, worker: Worker) -> Made:
    """Payload ``Refinements``; facts: counts by reason, of images and of corrections, and how many were painted.

    What stands of an image is painted together, once, where it is more than one correction.
    """
    store = worker.store
    texts = read_payload(store, inputs.captions, Captions).root
    written = read_payload(store, inputs.critiques, Critiques).root
    verdicts = read_payload(store, inputs.judgements, Judgements).root
    unions = read_payload(store, inputs.unions, Unions).root
    shortened = read_payload(store, inputs.paintings, Shortened).root
    proofs, painted = prove(inputs, texts, written, unions, worker)
    rows = {}
    for image, caption in sorted(texts.items()):
        said = _Said(caption, image not in shortened, written[image], verdicts[image])
        rows[image] = _row(said, unions.get(image), proofs[image], inputs.rules)
    reasons = Counter(row.reason for row in rows.values())
    sentences = Counter(one.reason for row in rows.values() for one in row.verdicts.values())
    facts: dict[str, JsonValue] = {"reasons": dict(reasons), "sentences": dict(sentences), "painted": painted}
    return Made(Refinements(rows).encoded(), facts)


@dataclass(frozen=True)
class _Said:
    """What was said of one image."""

    caption: str
    whole: bool
    """Whether the painter read all of the caption."""
    critiques: Sequence[Critique]
    verdicts: dict[str, Verdict]


def _row(said: _Said, union: Union | None, proof: Proof, rules: CritiqueRules) -> Refinement:
    """The decision on one image."""
    found = dict(said.verdicts)
    for sentence in union.rivals if union else ():
        found[sentence] = found[sentence].model_copy(update={"kept": False, "reason": RIVAL})
    for sentence in set(union.sentences if union else ()) - set(proof.sentences):
        found[sentence] = found[sentence].model_copy(update={"kept": False, "reason": proof.others})
    found |= {
        one.refinements: Verdict(kept=False, reason=one.unusable, samples=one.samples)
        for one in said.critiques
        if one.refinements and one.unusable
    }
    if proof.sentences:
        gain = sum(found[one].gain for one in proof.sentences) / len(proof.sentences)
        text, kept, reason = join_sentences(proof.sentences), True, ACCEPTED
    else:
        text, kept, reason, gain = _without(said, found, proof.first, rules)
    return Refinement(
        caption=said.caption,
        refinements=text,
        refined=proof.refined if proof.sentences else said.caption,
        kept=kept,
        reason=reason,
        gain=gain,
        first_distance=proof.first,
        last_distance=proof.last,
        differs=proof.differs,
        verdicts=found,
    )


def _without(
    said: _Said, verdicts: dict[str, Verdict], left: float, rules: CritiqueRules
) -> tuple[str, bool, str, float]:
    """Of an image of which no correction stands: what was said, whether it is kept, why, and the nearest gain."""
    nothings = [one for one in said.critiques if says_nothing(one.refinements)]
    nothing = max(nothings, key=lambda one: one.samples).refinements if nothings else ""
    if not rules.enabled and nothing:
        (first, *_) = unfiltered(said.critiques)
        if says_nothing(first.refinements):
            return first.refinements, True, "nothing to correct", 0.0
    doubted = any(one.gain >= rules.min_gain_noise for one in verdicts.values())
    decision = judge_nothing(bool(nothings), said.whole, doubted, left, rules)
    # What was painted and refused tells more than what could not be used.
    nearest = max(verdicts, key=lambda one: (verdicts[one].paintings > 0, verdicts[one].gain, one), default="")
    untold = bool(nothings) and (not nearest or verdicts[nearest].reason == NOT_PAINTED)
    if decision.kept or decision.reason == NOT_PAINTED or untold or not nearest:
        unusable = next((one.unusable for one in said.critiques if one.unusable), decision.reason)
        return nothing, decision.kept, decision.reason if nothings else unusable, 0.0
    return nearest, False, verdicts[nearest].reason, verdicts[nearest].gain


@step("operations", 6, roles=("judge",), items=lambda inputs, store: shard_size(store, inputs.shard))
def filter_edits(inputs: EditFilterInputs, worker: Worker) -> Made:
    """Payload ``Operations``; facts: counts by reason, of the kept operations by kind, and of those left out.

    Edits for which nothing was written count under their reasons, so that all that were asked for are counted.
    """
    unwritten = read_payload(worker.store, inputs.edits, Unwritten).root
    pictures, edited = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.edits)
    unit, judge = read_payload(worker.store, inputs.noise, Noise).root, worker.judge(inputs.judge)
    plans = dict(sorted(read_payload(worker.store, inputs.edits, Plans).root.items()))
    said = read_payload(worker.store, inputs.witnesses, Witnesses).root if inputs.witnesses else None
    maps = judge.maps([pictures[plan.image] for plan in plans.values()], [edited[name] for name in plans])
    rows: dict[str, JudgedEdit] = {}
    for (name, plan), distances in zip(plans.items(), maps, strict=True):
        changes = largest_by_region(distances, unit)
        stood = without_idle(plan, changes, inputs.rules)
        decision = judge_edit(distances, stood.regions, unit, judge.reach, inputs.rules)
        if said is not None:
            decision = judge_by_witness(decision, [said[name][one] for one in stood.sentences])
        left_out = tuple(one for one in plan.sentences if one not in stood.sentences)
        rows[name] = JudgedEdit(
            **dict(stood), changes=changes, idle=left_out, kept=decision.kept, reason=decision.reason
        )
    reasons = Counter(row.reason for row in rows.values()) + Counter(unwritten.values())
    kinds = Counter(kind for row in rows.values() if row.kept for kind in row.kinds)
    idle = sum(len(row.idle) for row in rows.values() if row.kept)
    facts: dict[str, JsonValue] = {"reasons": dict(reasons), "kinds": dict(kinds), "idle": idle}
    return Made(Operations(rows).encoded(), facts)
