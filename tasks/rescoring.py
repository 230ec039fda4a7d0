"""Stored replies scored again by the present rules, without the model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from models.unanswered import unanswered_percent
from models.worlds import find_suite
from storage.layout import results_prefix
from storage.manifest import PROVENANCE
from storage.objects import ObjectStore
from tasks.evaluation import AnswerInputs, answer_questions, question_of, read_replies
from tasks.step import key_of
from viper.errors import SuiteError
from viper.progress import tell
from viper.records import ArtifactRef


@dataclass(frozen=True)
class Rescored:
    """One model's stored replies to one suite, as they were scored and as they are scored now."""

    suite: str
    model: str
    """Fingerprint of the model."""
    rows: int
    changed: int
    """Rows whose score is another one now."""
    old: dict[str, float]
    """Aggregates of the stored scores, in [0, 1]."""
    new: dict[str, float]
    """Aggregates of the scores by the present rules, in [0, 1]."""
    unanswered: tuple[float, float]
    """Percent of the replies without an answer, as stored and by the present rules."""


def rescore(store: ObjectStore, suites: Sequence[str] = ()) -> list[Rescored]:
    """Every set of replies in the store, of all suites or the named ones; nothing is written.

    Raises:
        SuiteError: A suite is unknown, or the store has no replies of it.
    """
    wanted = {find_suite(name).name for name in suites}
    stored = [one for one in sorted(_stored(store).items()) if not wanted or one[0][0] in wanted]
    found = []
    for (suite, model, _), parts in stored:
        found.append(_rescore(store, suite, model, [part for _, part in sorted(parts.items())]))
        tell(len(found), len(stored))
    if not found:
        of = f" of {', '.join(sorted(wanted))}" if wanted else ""
        raise SuiteError(f"The store has no replies{of} that can be scored again. Run `viper benchmark` first.")
    return found


def _stored(store: ObjectStore) -> Mapping[tuple[str, str, str], dict[int, ArtifactRef]]:
    """Shards of replies by number, under suite, model and a hash of everything else that made them."""
    groups: dict[tuple[str, str, str], dict[int, ArtifactRef]] = defaultdict(dict)
    for key in store.list(results_prefix(answer_questions.name)):
        if (part := store.find(key)) is None:
            continue
        try:
            inputs = AnswerInputs.model_validate(store.manifest(part).meta[PROVENANCE])
        except ValidationError:
            continue  # stored by a version that kept less of what decided them
        others = key_of(answer_questions.name, 0, inputs.model_copy(update={"shard": 0}))
        groups[inputs.suite, inputs.vlm.model.fingerprint, others][inputs.shard] = part
    return groups


def _rescore(store: ObjectStore, name: str, model: str, parts: list[ArtifactRef]) -> Rescored:
    suite, old = find_suite(name), read_replies(store, parts)
    new = [{**reply, **suite.marks(question_of(reply), reply["reply"])} for reply in old]
    changed = sum(before["score"] != after["score"] for before, after in zip(old, new, strict=True))
    unanswered = unanswered_percent(old), unanswered_percent(new)
    return Rescored(name, model, len(old), changed, suite.aggregate(old), suite.aggregate(new), unanswered)
