"""What a round cost, counted in what the store has of it: images, paintings, edits, answers, tokens."""

from collections.abc import Mapping

from storage.objects import ObjectStore
from tasks.curves import read_curves
from viper.records import ArtifactRef, Synthesis, Verdict


def work_done(
    store: ObjectStore, made: Synthesis, trainings: Mapping[str, ArtifactRef], verdict: Verdict
) -> dict[str, int]:
    """How many of what a round made, by name, in the order of the round; the same after any resume."""
    found = {
        "images taken from the pool": sum(_fact(store, shard.pool, "images") for shard in made.shards),
        "paintings of captions": _facts(store, made, "paintings", "painted"),
        "paintings that measure the painter's noise": _facts(store, made, "noise", "painted"),
        "paintings that judge corrections": _facts(store, made, "judgements", "painted"),
        "paintings of corrections together": _facts(store, made, "refinements", "painted"),
        "paintings spared where fewer noise seeds decide": spared(store, made),
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


def spared(store: ObjectStore, made: Synthesis) -> int:
    """Paintings that judging every correction with every noise seed would have taken, less those that it took."""
    return _facts(store, made, "judgements", "all") - _facts(store, made, "judgements", "painted")
