"""What tests of steps share: the slices of a profile, a worker, artifacts with payloads."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import JsonValue

from flows.cut import Cut
from flows.identities import Identities
from flows.start import open_store
from models.collapse import TrainingRules
from models.payloads import Payload
from storage.datasets import dataset_entries
from storage.images import encode_png
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.step import In, Step, perform
from tasks.training_spec import Reinforcement, TrainingInputs
from tasks.worker import Worker
from viper.profiles import load_profile, override
from viper.records import ArtifactRef, ModelRef, ModelUse, Occasion, Seed, Shard, VlmUse
from viper.settings import LoraSettings, RewardSettings, Stage

VLM = ModelRef(name="base", settings_path="shapes:vlm", fingerprint="f" * 64)


def cut_for(*changes: str, profile: str = "shapes") -> Cut:
    """The slices of a profile with some settings changed."""
    return Cut(override(load_profile(profile), list(changes)), Identities({}))


def worker_for(cut: Cut, store: ObjectStore | None = None) -> Worker:
    return Worker(store or open_store(), cut.machine())


def done(step: Step[In], inputs: In, worker: Worker) -> ArtifactRef:
    """The artifact of a step."""
    return perform(step, inputs, worker)[0]


def stored(
    kind: str,
    *payloads: Payload[Any],
    pictures: Mapping[str, Image.Image] | None = None,
    facts: Mapping[str, JsonValue] | None = None,
    store: ObjectStore | None = None,
) -> ArtifactRef:
    """An artifact as a step would leave it."""
    entries = {name: data for payload in payloads for name, data in payload.encoded().items()}
    entries |= {f"{name}.png": encode_png(picture) for name, picture in (pictures or {}).items()}
    digest = hashlib.sha256(repr((kind, sorted(entries.items()), facts)).encode()).hexdigest()
    return (store or open_store()).commit(f"results/{kind}/{digest}", kind, entries, dict(facts or {}))


def shard_of(pictures: Mapping[str, Image.Image], number: int = 0) -> Shard:
    """A shard with pictures by image id."""
    facts: dict[str, JsonValue] = {"images": len(pictures), LINEAGE: {"files": len(pictures), "rejected": {}}}
    return Shard(pool=stored("pool", pictures=pictures, facts=facts), number=number)


def stored_dataset(
    store: ObjectStore,
    key: str,
    rows: Any,
    lineage: dict[str, JsonValue],
    inline_bytes: int,
    facts: Mapping[str, JsonValue] | None = None,
    folder: Path | None = None,
) -> ArtifactRef:
    """A dataset version, as the step that makes them would leave it."""
    import tempfile

    with tempfile.TemporaryDirectory() as work:
        entries, counts = dataset_entries(store, folder or Path(work), rows, lineage, inline_bytes)
        return store.commit(key, "dataset", entries, {**(facts or {}), "counts": counts, LINEAGE: lineage})


def training_inputs(
    stage: Stage,
    *,
    method: str = "lora",
    seed: int = 1,
    fingerprint: str = "a" * 64,
    dataset: str = "c" * 64,
    datasets: tuple[ArtifactRef, ...] = (),
    shared_prefix: bool = True,
    reward: RewardSettings | None = None,
    min_entropy_nats: float = 0.02,
    window_prompts: int = 90,
) -> TrainingInputs:
    """A training of small models."""
    vlm = ModelRef(name="base", settings_path="./vlm", fingerprint=fingerprint)
    similarity = ModelRef(name="similarity", settings_path="shapes:similarity", fingerprint="b" * 64)
    named = ArtifactRef(kind="dataset", uri="d", sha256=dataset, size_bytes=1, content_sha256=dataset)
    reinforcement = Reinforcement(
        reward=reward or RewardSettings(),
        similarity=ModelUse(model=similarity, dtype="float32"),
        shared_prefix=shared_prefix,
        collapse=TrainingRules(
            enabled=True,
            window_prompts=window_prompts,
            min_length_share=0.5,
            min_coverage_share=0.5,
            min_entropy_nats=min_entropy_nats,
            max_zero_variance_share=0.9,
        ),
    )
    return TrainingInputs.model_validate(
        {
            "start": VlmUse(model=vlm, dtype="float32", attention="sdpa"),
            "stage": stage,
            "method": method,
            "lora": LoraSettings(rank=4, alpha=4) if method == "lora" else None,
            "reinforcement": reinforcement if stage.objective == "grpo" else None,
            "datasets": datasets or (named,),
            "seed": Seed(evolution=seed, round_number=1, step=stage.name),
            "occasion": Occasion(evolution="main", round_number=1),
        }
    )
