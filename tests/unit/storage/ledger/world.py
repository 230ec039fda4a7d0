"""Small evolutions in a store: rounds and champions as the flows write them, without what a round makes."""

from pathlib import Path

from storage.layout import dataset_key, result_key
from storage.ledger.champions import champion_before, keep_champion
from storage.ledger.rounds import keep_result
from storage.objects import ObjectStore
from viper.records import ArtifactRef, ModelRef, RoundResult, Verdict

BASE = ModelRef(name="base", settings_path="models/base", fingerprint="base-files")
PROMOTE = Verdict(decision="promote", reason="sees better")
KEEP = Verdict(decision="keep champion", reason="no certain gain")


def model(store: ObjectStore, name: str) -> ModelRef:
    key = result_key("model", name.replace(" ", "-"))
    ref = store.commit(key, "model", {"weights": name.encode()})
    return ModelRef(name=name, artifact=ref, fingerprint=ref.content_sha256)


def dataset(store: ObjectStore, evolution: str, number: int, stage: str, settings_sha256: str = "") -> ArtifactRef:
    lineage = {"settings_sha256": settings_sha256, "code_version": "0.1.0+tests"}
    key, rows = dataset_key(evolution, number, stage, f"{stage}-{number}"), f"{evolution} {number} {stage}".encode()
    return store.commit(key, "dataset", {"data/train.parquet": rows}, {"lineage": lineage})


def finish(
    store: ObjectStore, number: int, verdict: Verdict, evolution: str = "e", settings_sha256: str = ""
) -> ModelRef:
    """Round ``number`` as it ends. Returns the champion after it."""
    before = champion_before(store, evolution, number) or BASE
    candidate = model(store, f"round {number}")
    if verdict.decision == "promote":
        after = keep_champion(store, evolution, number, candidate, verdict.reason)
    else:
        after = before
    result = RoundResult(
        evolution=evolution,
        round_number=number,
        settings_sha256=settings_sha256,
        base=BASE,
        champion_before=before,
        candidate=candidate,
        champion_after=after,
        datasets={"csr": dataset(store, evolution, number, "csr", settings_sha256)},
        report=store.commit(result_key("report", str(number)), "report", {"report.md": b"page"}),
        verdict=verdict,
        seconds=(),
    )
    keep_result(store, result, {"report.md": b"page"})
    return after


def ref_path(store: ObjectStore, key: str) -> Path:
    return Path(store.root) / "refs" / f"{key}.json"


def blob_path(store: ObjectStore, sha256: str) -> Path:
    return Path(store.root) / "objects" / "sha256" / sha256[:2] / sha256


def files_of(store: ObjectStore, key: str) -> list[Path]:
    """Every file that the artifact at ``key`` consists of: reference, manifest, entries."""
    ref = store.find(key)
    assert ref is not None
    stored = [one for blob in store.manifest(ref).entries.values() for one in blob.stored]
    return [ref_path(store, key), *(blob_path(store, sha256) for sha256 in (ref.sha256, *stored))]


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
