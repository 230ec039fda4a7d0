"""A survey says what is done by asking the steps themselves, and does nothing."""

from pathlib import Path

import pytest

from flows.survey import survey_round
from flows.synthesis import hash_suites
from storage.layout import result_key
from storage.objects import ObjectStore
from tasks.pool import take_images
from tasks.step import Entries, key_of, once, open_store
from tasks.survey import StepStanding, surveying
from viper.profiles import load_profile


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    return open_store()


def forbidden() -> tuple[Entries, dict[str, object]]:
    raise AssertionError("a survey computed something")


def test_a_survey_counts_what_is_there_and_computes_nothing(store: ObjectStore) -> None:
    done = store.commit(result_key("count", key_of("count", 1, {"word": "done"})), "count", {"x": b"1"})
    with surveying() as survey:
        assert once("count", 1, {"word": "done"}, forbidden) == done  # type: ignore[arg-type]
        missing = once("count", 1, {"word": "missing"}, forbidden)  # type: ignore[arg-type]
        again = once("later", 1, {"of": missing}, forbidden)  # type: ignore[arg-type]
    assert survey.steps == {"count": StepStanding(done=1, total=2), "later": StepStanding(done=0, total=1)}
    assert missing != again
    with pytest.raises(AssertionError, match="computed something"):
        once("count", 1, {"word": "missing"}, forbidden)  # type: ignore[arg-type]


def test_a_damaged_artifact_is_not_done(store: ObjectStore) -> None:
    ref = store.commit(result_key("count", key_of("count", 1, {})), "count", {"x": b"1"})
    manifest = Path(store.root) / "objects" / "sha256" / ref.sha256[:2] / ref.sha256
    manifest.write_bytes(b"damaged")
    with surveying() as survey:
        once("count", 1, {}, forbidden)  # type: ignore[arg-type]
    assert survey.steps == {"count": StepStanding(done=0, total=1)}


def test_a_round_is_surveyed_as_far_as_its_inputs_are_known(store: ObjectStore) -> None:
    settings = load_profile("shapes")
    suites = len(settings.benchmarks.suites)
    assert survey_round(settings, 1, {}).steps == {
        "suite": StepStanding(done=0, total=suites),
        "hashes": StepStanding(done=0, total=suites),
        "pool": StepStanding(done=0, total=1),
    }
    with surveying() as survey:
        key = take_images(settings, 1, hash_suites(settings)).uri
    assert list(store.list("")) == []

    store.commit(key, "pool", {"0000/a.png": b"png"}, {"shards": 3})
    steps = survey_round(settings, 1, {}).steps
    assert steps["pool"] == StepStanding(done=1, total=1)
    assert steps["captions"] == steps["edits"] == StepStanding(done=0, total=3)
    assert "dataset" not in steps
    assert survey.steps["pool"].done == 0
