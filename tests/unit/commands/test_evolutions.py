"""``viper status`` and ``viper resume`` without a name: they list what a store holds; scripts read the same as JSON."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.cli import app
from commands.tables import age
from storage.heartbeats import Heartbeat, living
from storage.ledger.requests import keep_request
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import KEEP, PROMOTE, finish, flip, ref_path
from viper import __version__
from viper.profiles import load_profile, override
from viper.records import Verdict

SHAPES = load_profile("shapes")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An evolution in every state that needs no model: names say which."""
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.delenv("VIPER_STORE", raising=False)
    store = ObjectStore(str(tmp_path / "store"))
    ends = {
        "done": [PROMOTE, KEEP],
        "half": [PROMOTE],
        "broken": [],
        "ruined": [Verdict(decision="collapse", reason="")],
    }
    for name, verdicts in ends.items():
        keep_request(store, "shapes", 2, override(SHAPES, [f"evolution={name}"]))
        for number, verdict in enumerate(verdicts, 1):
            finish(store, number, verdict, name)
    flip(ref_path(store, "evolutions/broken/requests/000000"), 20)
    return store


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})
    return result.exit_code, result.stdout, result.stderr


def test_the_list_says_state_rounds_and_next_step(store: ObjectStore) -> None:
    code, out, _ = run("status", "--json")
    found = json.loads(out)
    assert (code, found["store"]) == (0, store.root)
    stands = {one["name"]: (one["state"], one["finished"], one["asked"], one["next"]) for one in found["evolutions"]}
    damaged = stands.pop("broken")
    assert stands == {
        "done": ("finished", 2, 2, "viper resume done --rounds 3"),
        "half": ("stopped", 1, 2, "viper resume half"),
        "ruined": ("collapsed", 1, 2, "viper status ruined"),
    }
    assert damaged[0] == "unreadable"
    assert "evolutions/broken/requests/000000" in damaged[3]


def test_people_read_the_same_and_a_resume_begins_nothing(store: ObjectStore) -> None:
    for command, expected in (("status", 0), ("resume", 2)):
        code, out, _ = run(command)
        assert code == expected
        assert "viper resume half" in out
        assert "1 of 2" in out
    assert len(list(store.list("evolutions/half/requests"))) == 1


def test_one_that_gives_signs_of_life_is_running(store: ObjectStore) -> None:
    for path in (Path(store.root) / "refs" / "evolutions" / "half").rglob("*.json"):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    with Heartbeat(store.root, "half", lambda: "captions"):
        deadline = time.monotonic() + 60
        while not living(store.root, "half") and time.monotonic() < deadline:
            time.sleep(0.05)
        listed = json.loads(run("status", "--json")[1])["evolutions"]
    assert listed[0]["name"] == "half", "what runs stands first"
    found = {one["name"]: one for one in listed}
    assert (found["half"]["state"], found["half"]["next"]) == ("running", "viper status half")


def test_a_store_without_an_evolution_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.delenv("VIPER_STORE", raising=False)
    code, out, _ = run("status")
    assert (code, "start one with `viper evolve`" in out) == (0, True)
    code, out, error = run("resume")
    assert (code, out) == (2, "")
    assert "none yet; start one with `viper evolve`" in error


def test_age_counts_from_what_was_written_last(store: ObjectStore) -> None:
    for path in (Path(store.root) / "refs" / "evolutions" / "done").rglob("*.json"):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    found = {one["name"]: one["age_s"] for one in json.loads(run("status", "--json")[1])["evolutions"]}
    assert found["done"] == pytest.approx(7200, abs=600)
    assert found["half"] < 600


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (259_200, "3 days")]
)
def test_ages_are_said_in_their_largest_unit(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_one_evolution_is_told_in_full_as_json(store: ObjectStore) -> None:
    code, out, _ = run("status", "done", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["evolution"], found["rounds"], found["next"], found["running"]) == ("done", 2, None, [])
    assert [one["decision"] for one in found["finished"]] == ["promote", "keep champion"]
    assert found["champion"] == "round 1"


def test_a_refusal_leaves_the_output_empty(store: ObjectStore) -> None:
    code, out, error = run("status", "nobody", "--json")
    assert (code, out) == (2, "")
    assert "no evolution 'nobody'" in error


def test_the_version_is_said_and_nothing_heavy_is_loaded_for_it() -> None:
    heavy = "{'prefect', 'torch', 'mlflow', 'transformers'}"
    code = f"import sys, commands.cli; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
    assert run("--version")[:2] == (0, f"viper-loop {__version__}\n")
