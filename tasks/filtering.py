"""The self-critique filter as steps: which critiques and edits become training data, and why others do not."""

from collections import Counter
from collections.abc import Sequence

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
    Union,
    Unions,
    Unwritten,
    Verdict,
)
from models.selfcritique import (
    ACCEPTED,
    NOT_TOGETHER,
    RIVAL,
    CritiqueRules,
    EditRules,
    changes_of,
    judge_edit,
    judge_nothing,
    unfiltered,
)
from models.sentences import join_sentences
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

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"filter edits of shard {self.shard.number}"


@step("refinements", 5, roles=("painter", "judge"), items=lambda inputs, store: shard_size(store, inputs.shard))
def filter_critiques(inputs: CritiqueFilterInputs, worker: Worker) -> Made:
    """Payload ``Refinements``; facts: counts by reason, of images and of corrections, and how many were painted.

    What stands of an image is painted together, once, where it is more than one correction.
    """
    store = worker.store
    texts = read_payload(store, inputs.captions, Captions).root
    written = read_payload(store, inputs.critiques, Critiques).root
    verdicts = read_payload(store, inputs.judgements, Judgements).root
    unions = read_payload(store, inputs.unions, Unions).root
    proofs, painted = prove(inputs, texts, written, unions, worker)
    rows = {
        image: _row(caption, written[image], verdicts[image], unions.get(image), proofs[image], inputs.rules)
        for image, caption in sorted(texts.items())
    }
    reasons = Counter(row.reason for row in rows.values())
    sentences = Counter(one.reason for row in rows.values() for one in row.verdicts.values())
    facts: dict[str, JsonValue] = {"reasons": dict(reasons), "sentences": dict(sentences), "painted": painted}
    return Made(Refinements(rows).encoded(), facts)


def _row(
    caption: str,
    critiques: Sequence[Critique],
    verdicts: dict[str, Verdict],
    union: Union | None,
    proof: Proof,
    rules: CritiqueRules,
) -> Refinement:
    """The decision on one image."""
    found = dict(verdicts)
    for sentence in union.rivals if union else ():
        found[sentence] = found[sentence].model_copy(update={"kept": False, "reason": RIVAL})
    for sentence in set(union.sentences if union else ()) - set(proof.sentences):
        found[sentence] = found[sentence].model_copy(update={"kept": False, "reason": NOT_TOGETHER})
    found |= {
        one.refinements: Verdict(kept=False, reason=one.unusable, samples=one.samples)
        for one in critiques
        if one.refinements and one.unusable
    }
    if proof.sentences:
        gain = sum(found[one].gain for one in proof.sentences) / len(proof.sentences)
        said, kept, reason = join_sentences(proof.sentences), True, ACCEPTED
    else:
        said, kept, reason, gain = _without(critiques, found, proof.first, rules)
    return Refinement(
        caption=caption,
        refinements=said,
        refined=proof.refined if proof.sentences else caption,
        kept=kept,
        reason=reason,
        gain=gain,
        first_distance=proof.first,
        last_distance=proof.last,
        verdicts=found,
    )


def _without(
    critiques: Sequence[Critique], verdicts: dict[str, Verdict], left: float, rules: CritiqueRules
) -> tuple[str, bool, str, float]:
    """Of an image of which no correction stands: what was said, whether it is kept, why, and the nearest gain."""
    nothings = [one for one in critiques if says_nothing(one.refinements)]
    said = max(nothings, key=lambda one: one.samples).refinements if nothings else ""
    if not rules.enabled and said:
        (first, *_) = unfiltered(critiques)
        if says_nothing(first.refinements):
            return first.refinements, True, "nothing to correct", 0.0
    doubted = any(one.gain >= rules.min_gain_noise for one in verdicts.values())
    decision = judge_nothing(bool(nothings), doubted, left, rules)
    if decision.kept or not verdicts:
        unusable = next((one.unusable for one in critiques if one.unusable), decision.reason)
        return said, decision.kept, decision.reason if nothings else unusable, 0.0
    # What was painted and refused tells more than what could not be used.
    nearest = max(verdicts, key=lambda one: (verdicts[one].paintings > 0, verdicts[one].gain, one))
    return nearest, False, verdicts[nearest].reason, verdicts[nearest].gain


@step("operations", 5, roles=("judge",), items=lambda inputs, store: shard_size(store, inputs.shard))
def filter_edits(inputs: EditFilterInputs, worker: Worker) -> Made:
    """Payload ``Operations``; facts: counts by reason, and of the kept operations by kind.

    Edits for which nothing was written count under their reasons, so that all that were asked for are counted.
    """
    unwritten = read_payload(worker.store, inputs.edits, Unwritten).root
    pictures, edited = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.edits)
    unit, judge = read_payload(worker.store, inputs.noise, Noise).root, worker.judge(inputs.judge)
    plans = dict(sorted(read_payload(worker.store, inputs.edits, Plans).root.items()))
    maps = judge.maps([pictures[plan.image] for plan in plans.values()], [edited[name] for name in plans])
    rows: dict[str, JudgedEdit] = {}
    for (name, plan), distances in zip(plans.items(), maps, strict=True):
        decision = judge_edit(distances, plan.regions, unit, judge.reach, inputs.rules)
        changes = changes_of(distances, unit)
        rows[name] = JudgedEdit(**dict(plan), changes=changes, kept=decision.kept, reason=decision.reason)
    reasons = Counter(row.reason for row in rows.values()) + Counter(unwritten.values())
    kinds = Counter(kind for row in rows.values() if row.kept for kind in row.kinds)
    return Made(Operations(rows).encoded(), {"reasons": dict(reasons), "kinds": dict(kinds)})
