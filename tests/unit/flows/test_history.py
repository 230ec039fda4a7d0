"""History that is damaged stops the evolution and is kept; what can be computed again is forgotten and made anew."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import evolve
from storage.layout import (
    champion_key,
    dataset_key,
    is_history,
    listing_key,
    report_key,
    request_key,
    result_key,
    rollback_key,
)
from storage.objects import ObjectStore
from tests.loop import cut_for
from viper.errors import CorruptArtifact, StoreError
from viper.records import ArtifactRef


def test_champions_requests_verdicts_and_reports_are_history() -> None:
    for key in (champion_key("a", 1), rollback_key("a", 1, 1), request_key("a", 0), report_key("a", 3)):
        assert is_history(key)
    for key in (result_key("captions", "k"), listing_key("champions", 1, "k")):
        assert not is_history(key)


class Walker:
    """A runner that walks without Prefect."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def group(self, title: str, walk: Callable[..., Any], *arguments: object) -> Any:
        return walk(self, *arguments)


def damaged(store: ObjectStore, key: str) -> ArtifactRef:
    ref = store.commit(key, "verdict", {"a.json": b"{}"})
    manifest = Path(store.root) / "objects" / "sha256" / ref.sha256[:2] / ref.sha256
    flipped = bytearray(manifest.read_bytes())
    flipped[5] ^= 1
    manifest.write_bytes(flipped)
    return ref


@pytest.mark.parametrize("key", [report_key("a", 1), dataset_key("a", 1, "csr", "k")])
def test_damaged_history_stops_the_evolution_and_stays(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ObjectStore(str(tmp_path))
    ref = damaged(store, key)
    monkeypatch.setattr(evolve, "run_round", lambda runner, *_: runner.store.manifest(ref))
    with pytest.raises(StoreError, match=rf"{key}' is damaged, and it is history.*copy"):
        evolve._run_repairing(Walker(store), cut_for(), 2, {})  # type: ignore[arg-type]
    assert ObjectStore(str(tmp_path)).find(key) == ref


def test_a_damaged_result_is_forgotten_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStore(str(tmp_path))
    ref, rounds = damaged(store, result_key("captions", "k")), []

    def run_round(runner: Walker, *_: object) -> str:
        rounds.append(runner.store.find(ref.uri))
        if len(rounds) == 1:
            runner.store.manifest(ref)
        return "finished"

    monkeypatch.setattr(evolve, "run_round", run_round)
    assert evolve._run_repairing(Walker(store), cut_for(), 2, {}) == "finished"  # type: ignore[arg-type,comparison-overlap]
    assert rounds == [ref, None]


def test_the_key_of_a_corrupt_artifact_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(CorruptArtifact("'it''s' cannot be trusted", "results/a/b")))
    assert (str(error), error.key) == ("'it''s' cannot be trusted", "results/a/b")
    assert CorruptArtifact("bytes").key == ""
