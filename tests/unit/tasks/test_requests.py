"""What is asked of an evolution is kept once, and a retried run asks for nothing more."""

from pathlib import Path

import pytest

from tasks import requests
from tasks.requests import keep_request, last_request
from tasks.step import open_store
from viper.profiles import load_profile, override

SETTINGS = load_profile("shapes")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))


def kept() -> int:
    return len(list(open_store().list("evolutions/shapes/requests")))


def test_a_request_is_kept_once_until_something_else_is_asked() -> None:
    assert [keep_request("shapes", rounds, SETTINGS) for rounds in (1, 1, 2)] == [1, 1, 2]
    assert kept() == 2
    assert last_request("") == ("shapes", 2, SETTINGS)
    keep_request("shapes", 2, override(SETTINGS, ["seed=18"]))
    assert last_request("shapes")[2].seed == 18


def test_a_retried_run_asks_for_the_rounds_that_it_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = 3
    monkeypatch.setattr(requests, "count_finished", lambda evolution: finished)
    assert keep_request("shapes", 2, SETTINGS, run="a") == 5
    finished = 4  # one of its two rounds, then it failed
    assert keep_request("shapes", 2, SETTINGS, run="a") == 5
    assert last_request("shapes")[1] == 5
    finished = 5
    assert keep_request("shapes", 2, SETTINGS, run="b") == 7
