"""Stored replies scored again by the present rules, without the model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.suites.catalog import find_suite
from tasks.evaluation import question_of, read_replies
from tasks.step import key_of, open_store
from viper.errors import SuiteError
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


def rescore(suites: Sequence[str] = ()) -> list[Rescored]:
    """Every set of replies in the store, of all suites or the named ones; nothing is written.

    Raises:
        SuiteError: A suite is unknown, or the store has no replies of it.
    """
    wanted = {find_suite(name).name for name in suites}
    found = [
        _rescore(suite, model, [part for _, part in sorted(parts.items())])
        for (suite, model, _), parts in sorted(_stored().items())
        if not wanted or suite in wanted
    ]
    if not found:
        of = f" of {', '.join(sorted(wanted))}" if wanted else ""
        raise SuiteError(f"The store has no replies{of} that can be scored again. Run `viper benchmark` first.")
    return found


def _stored() -> Mapping[tuple[str, str, str], dict[int, ArtifactRef]]:
    """Shards of replies by number, under suite, model and a hash of everything else that made them."""
    store = open_store()
    groups: dict[tuple[str, str, str], dict[int, ArtifactRef]] = defaultdict(dict)
    for key in store.list("results/replies"):
        if (part := store.find(key)) is None:
            continue
        facts: dict[str, Any] = dict(store.manifest(part).meta)
        if "suite" not in facts:
            continue  # stored by a version that did not keep what scoring needs
        inputs = dict(facts["inputs"])
        shard = inputs.pop("shard")
        groups[facts["suite"], inputs["vlm"], key_of("replies", 0, inputs)][shard] = part
    return groups


def _rescore(name: str, model: str, parts: list[ArtifactRef]) -> Rescored:
    suite, old = find_suite(name), read_replies(parts)
    new = [{**reply, "score": suite.score(question_of(reply), reply["reply"])} for reply in old]
    changed = sum(before["score"] != after["score"] for before, after in zip(old, new, strict=True))
    return Rescored(name, model, len(old), changed, suite.aggregate(old), suite.aggregate(new))
