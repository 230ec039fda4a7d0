"""What scripts read: one JSON document on standard output, whatever lies in the store."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from commands.cli import app
from storage.ledger.requests import keep_request
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import KEEP, PROMOTE, blob_path, finish
from viper import servers
from viper.profiles import load_profile, override


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An evolution of two rounds, of which the first made a champion."""
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.delenv("VIPER_STORE", raising=False)
    store = ObjectStore(str(tmp_path / "store"))
    keep_request(store, "shapes", 2, override(load_profile("shapes"), ["evolution=e"]))
    for number, verdict in ((1, PROMOTE), (2, KEEP)):
        finish(store, number, verdict)
    return store


def read(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_the_champion_and_its_predecessors(store: ObjectStore) -> None:
    shown = read("champion", "show")
    assert (shown["champion"]["name"], shown["round_number"], shown["reason"]) == ("round 1", 1, "sees better")
    assert [one["champion"]["name"] for one in read("champion", "history")["champions"]] == ["base", "round 1"]


def test_text_of_others_is_data(store: ObjectStore) -> None:
    escape = "\x1b[31m[bold]é"
    finish(store, 3, PROMOTE.model_copy(update={"reason": escape}))
    result = CliRunner().invoke(app, ["champion", "show", "--json"])
    assert json.loads(result.stdout)["reason"] == escape
    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout


def test_a_sound_and_a_damaged_store(store: ObjectStore) -> None:
    sound = read("store", "verify")
    assert (sound["damaged"], sound["missing"]) == ([], [])
    assert sound["artifacts"] == len(list(store.list("")))
    champion = store.find("evolutions/e/champions/0001")
    assert champion is not None
    blob_path(store, champion.sha256).unlink()
    damaged = read("store", "verify", code=1)
    assert "evolutions/e/champions/0001" in {one["key"] for one in damaged["damaged"]}
    refused = CliRunner().invoke(app, ["store", "verify", "--json", "--repair"])
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_what_the_store_takes(store: ObjectStore) -> None:
    files = [path for path in (Path(store.root) / "objects").rglob("*") if path.is_file()]
    found = read("store", "du")
    assert (found["blobs"], found["blob_bytes"]) == (len(files), sum(path.stat().st_size for path in files))
    assert sum(group["artifacts"] for group in found["groups"].values()) == len(list(store.list("")))
    garbage = read("store", "gc")
    assert (garbage["blobs"], garbage["blob_bytes"], garbage["removed"]) == (0, 0, False)


def test_times_of_the_store(store: ObjectStore) -> None:
    found = read("store", "bench", "--files", "2", "--small-kb", "1", "--large-mb", "1", "--turns", "1")
    assert [(one["files"], one["file_bytes"]) for one in found["measured"]] == [(2, 1000), (1, 1_000_000)]
    assert all(one["ways"]["store"]["put_s"] > 0 for one in found["measured"])


def test_the_doctor_names_what_is_wrong_and_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "PATIENCE_S", 0.0)
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    found = read("doctor", "--profile", "shapes", code=2)
    checks = {one["check"]: one for one in found["checks"]}
    wrong = {name: one["mend"] for name, one in checks.items() if not one["ok"]}
    assert (found["sound"], wrong) == (False, {"prefect": "viper up", "mlflow": "viper up"})
    assert "no server answers there" in checks["prefect"]["found"]
    assert "worker" not in checks, "nobody can tell"
    assert checks["models"]["found"].startswith("shapes:vlm")
    monkeypatch.delenv("PREFECT_API_URL")
    wrong_profile = read("doctor", "--profile", "shpes", code=2)["checks"][-1]
    assert (wrong_profile["check"], wrong_profile["mend"]) == ("profile", "viper profiles")
    assert "Did you mean 'shapes'" in wrong_profile["found"]
