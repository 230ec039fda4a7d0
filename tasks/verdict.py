"""The gate's decision on a candidate."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.collapse import CandidateRules, caption_collapse, score_collapse
from models.comparison import compare
from models.gate import decide
from models.payloads import Captions, Payload
from models.unanswered import unanswered_percent, with_unanswered
from models.worlds import find_suite
from storage.objects import ObjectStore
from tasks.evaluation import asked_text, read_replies
from tasks.shards import read_payload
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import Collapsed
from viper.records import ArtifactRef, Seed, Verdict
from viper.settings import GateRules


class VerdictPayload(Payload[Verdict]):
    """What the gate decided."""

    entry = "verdict.json"


class VerdictInputs(Inputs):
    """What decides the verdict on a candidate."""

    replies: dict[str, dict[str, tuple[ArtifactRef, ...]]]
    """By role (``base``, ``champion``, ``candidate``), then suite: the shards of replies, in order."""
    captions: dict[str, ArtifactRef]
    """By role (``base``, ``candidate``): what each says of the same images."""
    gate: GateRules
    collapse: CandidateRules
    seed: Seed
    """Of the bootstrap."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "decide on the candidate"


@step("verdict", 4)
def decide_on_candidate(inputs: VerdictInputs, worker: Worker) -> Made:
    """Payload ``VerdictPayload``; facts: the decision."""
    store = worker.store
    read = {
        role: {suite: read_replies(store, parts) for suite, parts in suites.items()}
        for role, suites in inputs.replies.items()
    }
    categories = {suite: find_suite(suite).unit_categories(kept) for suite, kept in read["candidate"].items()}
    suites, mean = compare(_scores(read), categories, inputs.gate, inputs.seed.small())
    suites = tuple(row.model_copy(update={"asked": asked_text(store, inputs.replies, row.suite)}) for row in suites)
    said = {role: list(read_payload(store, ref, Captions).root.values()) for role, ref in inputs.captions.items()}
    collapse = caption_collapse(said["candidate"], said["base"], inputs.collapse)
    collapse = collapse or score_collapse(suites, inputs.collapse)
    unanswered = {
        role: {suite: unanswered_percent(kept) for suite, kept in by_suite.items()} for role, by_suite in read.items()
    }
    verdict = with_unanswered(decide(suites, mean, collapse, inputs.gate), unanswered)
    return Made(VerdictPayload(verdict).encoded(), {"decision": verdict.decision})


def _scores(read: Mapping[str, Mapping[str, Sequence[dict[str, Any]]]]) -> dict[str, dict[str, list[float]]]:
    """One number a unit, by role and suite."""
    return {
        role: {suite: find_suite(suite).units(kept) for suite, kept in suites.items()} for role, suites in read.items()
    }


def read_verdict(store: ObjectStore, ref: ArtifactRef) -> Verdict:
    """The verdict in its artifact."""
    return read_payload(store, ref, VerdictPayload).root


def collapse_verdict(error: Collapsed) -> Verdict:
    """The verdict on a round that collapsed before its candidate could be asked anything."""
    return Verdict(decision="collapse", reason=str(error))
