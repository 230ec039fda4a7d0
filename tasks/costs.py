"""What a round cost, counted in what the store has of it: images, paintings, edits, answers, tokens."""

from collections.abc import Mapping

from models.payloads import Distances
from storage.objects import ObjectStore
from tasks.curves import read_curves
from tasks.shards import read_payload
from viper.records import ArtifactRef, Synthesis, Verdict


def work_done(
    store: ObjectStore, made: Synthesis, trainings: Mapping[str, ArtifactRef], verdict: Verdict
) -> dict[str, int]:
    """How many of what a round made, by name, in the order of the round; the same after any resume."""
    found = {
        "images taken from the pool": sum(_fact(store, shard.pool, "images") for shard in made.shards),
        "paintings of captions": sum(_paintings(store, ref) for ref in made.products.get("paintings", ())),
        "paintings of refined captions": _facts(store, made, "judgements", "painted"),
        "edited pictures": _facts(store, made, "edits", "edits"),
    }
    for stage, steps in read_curves(store, trainings).items():
        found[f"optimizer steps of {stage}"] = len(steps)
        found[f"tokens that {stage} trained on"] = int(max((step.get("tokens", 0) for step in steps), default=0))
    found["benchmark questions, each asked of base, champion and candidate"] = sum(
        row.questions for row in verdict.suites
    )
    return {name: count for name, count in found.items() if count}


def _facts(store: ObjectStore, made: Synthesis, product: str, name: str) -> int:
    return sum(_fact(store, ref, name) for ref in made.products.get(product, ()))


def _fact(store: ObjectStore, ref: ArtifactRef, name: str) -> int:
    return int(str(store.manifest(ref).meta.get(name, 0)))


def _paintings(store: ObjectStore, ref: ArtifactRef) -> int:
    return sum(len(each) for each in read_payload(store, ref, Distances).root.values())
