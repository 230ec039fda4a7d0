"""History that is damaged stops the evolution and is kept; what can be computed again is forgotten and made anew."""

import pickle
from pathlib import Path

import pytest

from flows import evolve
from storage.layout import champion_key, dataset_key, is_history, report_key, request_key, result_key, rollback_key
from tasks.promotion import champion_before
from tasks.step import open_store
from viper.environment import store_root
from viper.errors import CorruptArtifact, StoreError
from viper.profiles import load_profile, override

SETTINGS = load_profile("shapes")


def test_champions_requests_verdicts_and_reports_are_history() -> None:
    for key in (champion_key("a", 1), rollback_key("a", 1, 1), request_key("a", 0), report_key("a", 3)):
        assert is_history(key)
    for key in (result_key("captions", "k"), dataset_key("champions", 1, "csr", "k")):
        assert not is_history(key)


def test_a_damaged_champion_stops_the_evolution_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = override(SETTINGS, ["evolution=with-a-flipped-bit"])
    store, key = open_store(), champion_key(settings.evolution, 1)
    ref = store.commit(key, "champion", {"champion.json": b"{}"}, {"reason": "it was better"})
    manifest = Path(store_root()) / "objects" / "sha256" / ref.sha256[:2] / ref.sha256
    damaged = bytearray(manifest.read_bytes())
    damaged[5] ^= 1
    manifest.write_bytes(damaged)
    monkeypatch.setattr(evolve, "run_round", lambda settings, *_: champion_before(settings, 2))
    with pytest.raises(StoreError, match=r"champions/0001' is damaged, and it is history.*copy"):
        evolve._run_repairing(settings, 2, {}, False)
    assert open_store().find(key) == ref


def test_the_key_of_a_corrupt_artifact_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(CorruptArtifact("'it''s' cannot be trusted", "results/a/b")))
    assert (str(error), error.key) == ("'it''s' cannot be trusted", "results/a/b")
    assert CorruptArtifact("bytes").key == ""
