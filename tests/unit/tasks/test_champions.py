"""Champions: append-only, put back by a new reference, and followed by MLflow."""

from pathlib import Path
from typing import Any

import pytest

from storage.layout import champion_key, champions_prefix, verdict_key
from tasks import champions, promotion
from tasks.lineage import trace
from tasks.step import open_store, to_json
from tasks.tracking import tracker
from viper.errors import ChampionChanged, ProfileError
from viper.profiles import load_profile, override
from viper.records import ArtifactRef, ModelRef, RoundResult, Verdict
from viper.settings import Settings

# MLflow and its own dependencies warn on import and on first use of a database.
pytestmark = pytest.mark.filterwarnings("default")

PROMOTE = Verdict(decision="promote", reason="sees better")
KEEP = Verdict(decision="keep champion", reason="no certain gain")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database for all tests, since making one takes seconds."""
    return tmp_path_factory.mktemp("mlflow") / "mlflow.db"


@pytest.fixture
def settings(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    tracker.cache_clear()
    return override(load_profile("shapes"), [f"evolution=e-{tmp_path.name.replace('_', '-')[:40].rstrip('-')}"])


def _model(name: str) -> ModelRef:
    ref = open_store().commit(f"results/model/{name.replace(' ', '-')}", "model", {"weights": name.encode()})
    return ModelRef(name=name, artifact=ref, fingerprint=ref.sha256)


def _finish(settings: Settings, number: int, verdict: Verdict) -> ModelRef:
    """Round ``number`` as it ends, without what a round makes. Returns the champion after it."""
    store, champion, candidate = open_store(), promotion.champion_before(settings, number), _model(f"round {number}")
    after = promotion.promote.fn(settings, number, champion, candidate, verdict)
    report: ArtifactRef = store.commit(f"results/report/{number}", "report", {"report.md": b""})
    result = RoundResult(
        evolution=settings.evolution,
        round_number=number,
        settings_sha256="",
        base=promotion.base_vlm(settings),
        champion_before=champion,
        candidate=candidate,
        champion_after=after,
        datasets={},
        report=report,
        verdict=verdict,
        seconds=(),
    )
    store.commit(verdict_key(settings.evolution, number), "round", {"round.json": to_json(result)})
    return after


def _alias(settings: Settings) -> Any:
    """SHA-256 of what MLflow calls champion, ``None`` if nothing."""
    from mlflow.exceptions import MlflowException

    client = tracker(settings.evolution)._client()
    try:
        found = client.get_model_version_by_alias(f"viper-{settings.evolution}", "champion")
    except MlflowException:
        return None
    return found.tags["viper.sha256"]


def test_a_rollback_is_appended_and_the_next_round_starts_from_it(settings: Settings) -> None:
    first, _, third = (
        _finish(settings, number, verdict) for number, verdict in ((1, PROMOTE), (2, KEEP), (3, PROMOTE))
    )
    assert promotion.champion_before(settings, 4) == third
    before = list(open_store().list(champions_prefix(settings.evolution)))

    reign = champions.rollback(settings.evolution, 1, "round 3 forgot how to count")
    assert reign.champion == first
    assert champions.rollback(settings.evolution, 1, "once more") == reign  # already so: nothing is appended
    keys = list(open_store().list(champions_prefix(settings.evolution)))
    assert keys == [*before, f"{champion_key(settings.evolution, 3)}.0001"]
    assert promotion.champion_before(settings, 4) == first
    assert promotion.champion_before(settings, 3) == first  # finished rounds find what they found
    assert _alias(settings) == first.fingerprint
    assert [one.name for one in trace(settings.evolution)] == ["round 1", "base"]

    fourth = _finish(settings, 4, PROMOTE)
    assert promotion.champion_before(settings, 5) == fourth
    assert [(one.champion.name, one.rollback) for one in champions.history(settings.evolution)] == [
        ("base", False),
        ("round 1", False),
        ("round 3", False),
        ("round 1", True),
        ("round 4", False),
    ]


def test_the_base_can_be_put_back(settings: Settings) -> None:
    _finish(settings, 1, PROMOTE)
    assert champions.rollback(settings.evolution, 0, "start over").champion.name == "base"
    assert promotion.champion_before(settings, 2) == promotion.base_vlm(settings)
    assert _alias(settings) is None
    again = champions.rollback(settings.evolution, 1, "after all")
    assert again.champion.name == "round 1"
    assert _alias(settings) == again.champion.fingerprint
    assert [one.name for one in trace(settings.evolution)] == ["round 1", "base"]


def test_a_round_that_made_no_champion_cannot_be_put_back(settings: Settings) -> None:
    with pytest.raises(ProfileError, match="no finished round"):
        champions.rollback(settings.evolution, 0, "too early")
    _finish(settings, 1, PROMOTE)
    _finish(settings, 2, KEEP)
    with pytest.raises(ProfileError, match=r"Round 2 .* made no champion\. Rounds that did \(0: base\): 0, 1\."):
        champions.rollback(settings.evolution, 2, "why not")


def test_a_verdict_against_a_champion_that_is_gone_promotes_nobody(settings: Settings) -> None:
    compared_with = _finish(settings, 1, PROMOTE)
    champions.rollback(settings.evolution, 0, "while round 2 ran")
    with pytest.raises(ChampionChanged, match="compared its candidate with round 1"):
        promotion.promote.fn(settings, 2, compared_with, _model("round 2"), PROMOTE)
    assert promotion.champion_before(settings, 3).name == "base"


def test_mlflow_follows_the_store_when_it_is_back(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.tracking import Tracker

    carry_out = Tracker._carry_out

    def away(self: Tracker, operation: dict[str, Any]) -> None:
        raise ConnectionError("connection refused")

    monkeypatch.setattr(Tracker, "_carry_out", away)
    first = _finish(settings, 1, PROMOTE)
    assert promotion.champion_before(settings, 2) == first
    monkeypatch.setattr(Tracker, "_carry_out", carry_out)
    assert tracker(settings.evolution).flush_spool() == 0
    assert _alias(settings) == first.fingerprint
    promotion.promote.fn(settings, 1, promotion.base_vlm(settings), first, PROMOTE)  # repeated: nothing changes
    assert _alias(settings) == first.fingerprint
