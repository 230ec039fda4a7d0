"""MLflow tracking on a real sqlite database and on a server that is not there."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.tracking import Tracker
from viper.records import ArtifactRef

pytestmark = [
    pytest.mark.integration,
    # MLflow and its own dependencies warn on import and on first use of a database.
    pytest.mark.filterwarnings("default"),
]

REF = ArtifactRef(kind="model", uri="evolutions/e/champions/0001", sha256="ab" * 32, size_bytes=9)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database that is migrated once, for all tests to copy."""
    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Tracker(f"sqlite:///{database}", "viper", database.with_name("spool.jsonl")).run("first")
    return database


@pytest.fixture
def place(migrated: Path, tmp_path: Path) -> Path:
    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    return tmp_path


@pytest.fixture
def tracker(place: Path) -> Tracker:
    return open_tracker(place)


def open_tracker(place: Path) -> Tracker:
    return Tracker(f"sqlite:///{place / 'mlflow.db'}", "viper", place / "spool.jsonl")


def client_of(place: Path) -> Any:
    from mlflow import MlflowClient

    uri = f"sqlite:///{place / 'mlflow.db'}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs_of(place: Path) -> dict[str, Any]:
    client = client_of(place)
    experiment = client.get_experiment_by_name("viper")
    runs = client.search_runs([experiment.experiment_id], "tags.`viper.run` LIKE 'e%'")
    assert len({run.data.tags["viper.run"] for run in runs}) == len(runs), "a run was duplicated"
    return {run.data.tags["viper.run"]: run for run in runs}


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Switch ``on`` to make every call to MLflow fail as a lost connection does."""
    switch = {"on": False}
    carry_out = Tracker._carry_out

    def fail(self: Tracker, operation: dict[str, Any]) -> None:
        if switch["on"]:
            raise ConnectionError("connection refused")
        carry_out(self, operation)

    monkeypatch.setattr(Tracker, "_carry_out", fail)
    return switch


def test_evolution_round_and_stage_nest_and_a_resume_continues_them(place: Path, tracker: Tracker) -> None:
    tracker.run("e", 1, "csr").log_metrics({"reward": 0.4}, step=1)
    before = runs_of(place)
    resumed = open_tracker(place).run("e", 1, "csr")
    resumed.log_metrics({"reward": 0.5}, step=2)
    resumed.end("FINISHED")
    after = runs_of(place)
    assert set(before) == set(after) == {"e", "e/round-0001", "e/round-0001/csr"}
    stage = after["e/round-0001/csr"]
    assert stage.info.run_id == before["e/round-0001/csr"].info.run_id
    assert stage.data.tags["mlflow.parentRunId"] == after["e/round-0001"].info.run_id
    assert after["e/round-0001"].data.tags["mlflow.parentRunId"] == after["e"].info.run_id
    assert (stage.info.status, after["e"].info.status) == ("FINISHED", "RUNNING")
    history = client_of(place).get_metric_history(stage.info.run_id, "reward")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.4), (2, 0.5)]


def test_a_failed_run_runs_again_after_a_resume(place: Path, tracker: Tracker) -> None:
    tracker.run("e").end("FAILED")
    assert runs_of(place)["e"].info.status == "FAILED"
    open_tracker(place).run("e")
    assert runs_of(place)["e"].info.status == "RUNNING"


def test_a_changed_setting_is_kept_beside_the_first(place: Path, tracker: Tracker) -> None:
    run = tracker.run("e")
    run.log_params({"threshold": 0.5, "seed": 7, **{f"p{number}": number for number in range(150)}})
    run.log_params({"threshold": 0.6, "seed": 7})
    data = runs_of(place)["e"].data
    assert (data.params["threshold"], data.params["seed"], data.params["p149"]) == ("0.5", "7", "149")
    assert data.tags["changed.threshold"] == "0.6"
    assert "changed.seed" not in data.tags


def test_a_champion_is_registered_once_as_a_reference(place: Path, tracker: Tracker) -> None:
    run = tracker.run("e", 1)
    run.log_dataset_input(REF, "csr", REF.sha256)
    run.set_champion("viper-e", REF)
    run.set_champion("viper-e", REF)
    client = client_of(place)
    assert len(client.search_model_versions("name = 'viper-e'")) == 1
    champion = client.get_model_version_by_alias("viper-e", "champion")
    assert champion.source == "viper-store:/evolutions/e/champions/0001"
    assert champion.tags["viper.sha256"] == REF.sha256
    run.set_champion("viper-e", REF.model_copy(update={"sha256": "cd" * 32}))
    assert client.get_model_version_by_alias("viper-e", "champion").version != champion.version
    (used,) = runs_of(place)["e/round-0001"].inputs.dataset_inputs
    assert (used.dataset.name, json.loads(used.dataset.source)["uri"]) == ("csr", REF.uri)


def test_what_mlflow_missed_is_replayed_in_order_and_warned_of_once(
    place: Path, tracker: Tracker, outage: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    outage["on"] = True
    run = tracker.run("e", 1, "vop")
    run.log_params({"seed": 7})
    run.log_metrics({"reward": 0.1}, step=1)
    outage["on"] = False
    run.log_metrics({"reward": 0.2}, step=2)
    assert len((place / "spool.jsonl").read_text().splitlines()) == 4
    assert [record.message for record in caplog.records if "is away" in record.message] != []
    assert sum("is away" in record.message for record in caplog.records) == 1
    run.set_champion("viper-e", REF)
    run.end("FINISHED")
    assert (place / "spool.jsonl").read_text() == ""
    stage = runs_of(place)["e/round-0001/vop"]
    assert (stage.data.params, stage.info.status) == ({"seed": "7"}, "FINISHED")
    history = client_of(place).get_metric_history(stage.info.run_id, "reward")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.1), (2, 0.2)]


def test_a_replay_that_is_repeated_duplicates_nothing(place: Path, tracker: Tracker, outage: dict[str, bool]) -> None:
    outage["on"] = True
    run = tracker.run("e")
    run.log_metrics({"reward": 0.1}, step=1)
    run.log_dataset_input(REF, "csr", REF.sha256)
    run.set_champion("viper-e", REF)
    outage["on"] = False
    spooled = (place / "spool.jsonl").read_text()
    assert tracker.flush_spool() == 0
    (place / "spool.jsonl").write_text(spooled)
    assert open_tracker(place).flush_spool() == 0
    found = runs_of(place)["e"]
    client = client_of(place)
    assert len(client.get_metric_history(found.info.run_id, "reward")) == 1
    assert len(found.inputs.dataset_inputs) == 1
    assert len(client.search_model_versions("name = 'viper-e'")) == 1


def test_an_operation_that_mlflow_refuses_does_not_block_the_others(
    place: Path, tracker: Tracker, outage: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    outage["on"] = True
    run = tracker.run("e")
    run.log_metrics({"not a name: é|": 0.1})
    run.log_metrics({"reward": 0.2})
    outage["on"] = False
    assert tracker.flush_spool() == 0
    assert "refused a spooled operation" in caplog.text
    assert runs_of(place)["e"].data.metrics == {"reward": 0.2}


def test_a_server_that_is_not_there_costs_seconds_and_loses_nothing(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    tracker = Tracker(f"http://127.0.0.1:{port}", "viper", tmp_path / "spool.jsonl")
    run = tracker.run("e", 1)
    run.log_metrics({"reward": 0.1}, step=1)
    run.end("FINISHED")
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "spool.jsonl").read_text().splitlines()]
    assert kinds == ["start", "log_metrics", "end"]


def test_processes_that_open_a_new_database_at_once_do_not_break_it(tmp_path: Path) -> None:
    uri, spool = f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "spool.jsonl"
    program = (
        "import sys; from pathlib import Path; from storage.tracking import Tracker;"
        "Tracker(sys.argv[1], 'viper', Path(sys.argv[2])).run(sys.argv[3]).log_metrics({'reward': 0.5})"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, uri, str(spool), name], stderr=subprocess.PIPE, text=True)
        for name in ("e-1", "e-2", "e-3")
    ]
    for process in started:
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said
    assert set(runs_of(tmp_path)) == {"e-1", "e-2", "e-3"}
    assert not spool.exists() or not spool.read_text()
