"""Long work tells how far it is at a bounded rate; pages that Prefect does not take cost a warning."""

import logging

import httpx
import pytest

from tasks import artifacts, pace
from tasks.pace import EVERY_S, Pace, Phase, duration, watched_by
from viper.progress import heard_by, tell


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that a test turns on by hand."""
    now = [0.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="viper")
    return caplog


def test_it_speaks_once_in_a_while_and_knows_how_long_it_takes(
    clock: list[float], said: pytest.LogCaptureFixture
) -> None:
    work = Pace("paint shard 0")
    for done in range(101):
        work.tell(done, 100)
        clock[0] += 3.0  # 100 units take 300 s
    # After 15 s five units are done, and 95 take 285 s more.
    assert said.messages[0] == "paint shard 0: 5 of 100, 20 a minute, about 5 min left"
    assert said.messages[1] == "paint shard 0: 10 of 100, 20 a minute, about 4 min left"
    assert said.messages[-1] == "paint shard 0: 100 of 100, 20 a minute"
    assert len(said.messages) == 300 / EVERY_S


def test_short_work_says_nothing_and_what_was_done_before_took_no_time(
    clock: list[float], said: pytest.LogCaptureFixture
) -> None:
    short = Pace("filter")
    assert [short.tell(done, 2) for done in (0, 1, 2)] == [False] * 3
    resumed = Pace("training csr")
    resumed.tell(80, 100)
    clock[0] += 20.0
    resumed.tell(90, 100, "reward 0.5")
    assert said.messages == ["training csr: 90 of 100, reward 0.5, 30 a minute, about 20 s left"]


def test_a_phase_counts_its_shards_and_leaves_the_reused_ones_out_of_its_rate(
    clock: list[float], said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tuple[float, str]] = []

    class Bar:
        def __init__(self, key: str, title: str) -> None:
            assert (key, title) == ("paintings", "paintings")

        def show(self, percent: float, text: str) -> None:
            bars.append((percent, text))

    monkeypatch.setattr(pace, "Bar", Bar)
    phase = Phase("paintings")
    assert str(phase) == ""
    for _ in range(8):
        phase.expect(100)
    clock[0] += 10.0  # an actor starts
    for _ in range(4):
        phase.end(100, reused=True)
    clock[0] += 50.0
    phase.end(100, reused=False)
    assert said.messages == ["paintings: 500 of 800, 2 a second, about 2 min left"]
    assert bars == [(62.5, "500 of 800, 2 a second, about 2 min left")]
    phase.end(100, reused=True)  # another process did it meanwhile
    clock[0] += 50.0
    phase.end(100, reused=False)
    assert str(phase) == "paintings: 700 of 800, 2 a second, about 50 s left"


def test_a_phase_of_one_shard_is_no_phase_to_speak_of(
    clock: list[float], said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    one, two = Phase("listing"), Phase("captions")
    one.expect(1)
    for _ in range(2):
        two.expect(12)
    clock[0] += 6.0
    with watched_by(lambda *told: shown.append(" ".join(map(str, told)))):
        one.end(1, reused=False)
        two.end(12, reused=False)
    assert shown == ["captions 12 24 2 a second, about 6 s left"]
    assert said.messages == []


def test_loops_are_heard_by_whoever_listens_and_by_nobody_else() -> None:
    heard: list[tuple[int, int]] = []
    tell(1, 2)
    with heard_by(lambda done, total: heard.append((done, total))):
        tell(2, 3)
    tell(3, 4)
    assert heard == [(2, 3)]


def test_spans_of_time_are_for_people() -> None:
    assert [duration(s) for s in (0.4, 89, 91, 3600, 12_000)] == ["0 s", "89 s", "2 min", "60 min", "3 h 20 min"]


def test_a_server_that_is_away_costs_a_page_and_no_round(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise httpx.ConnectError("All connection attempts failed")

    for name in ("create_markdown_artifact", "create_progress_artifact", "update_progress_artifact"):
        monkeypatch.setattr(f"prefect.artifacts.{name}", away)
    artifacts.show_page("main", "verdict", "text", "description")
    artifacts.Bar("paintings", "paintings, shards").show(50.0, "4 of 8")
    assert "Prefect does not take the page 'verdict': All connection attempts failed" in caplog.text


def test_pages_have_keys_that_prefect_takes() -> None:
    assert artifacts.page_key("shapes-1.b", "verdict") == "shapes-1-b-verdict"
