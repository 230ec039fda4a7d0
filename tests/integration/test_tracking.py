"""MLflow tracking on a real sqlite database and on a server that is not there."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.mlflow_calls import is_away
from storage.objects import ObjectStore
from storage.tracking import Tracker
from tests.mlflow_runs import client_of, open_tracker, runs_of
from viper.errors import StoreUnavailable
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


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def test_files_of_a_report_go_from_the_store_to_the_run_also_after_an_outage(
    place: Path, outage: dict[str, bool], store: ObjectStore
) -> None:
    report = store.commit("report", "report", {"report.html": b"<p>round 1</p>", "curves.svg": b"<svg/>"}, {})
    outage["on"] = True
    run = open_tracker(place, "new").run("e", 1)
    run.log_files(store.root, report, ["report.html", "curves.svg"])
    assert "round 1" not in (place / "spool.jsonl").read_text()  # a reference waits, not the page
    outage["on"] = False
    run.end("FINISHED")
    found = runs_of(place, "new")["e/round-0001"].info
    client, run_id = client_of(place), found.run_id
    assert {file.path for file in client.list_artifacts(run_id)} == {"report.html", "curves.svg"}
    copy = client.download_artifacts(run_id, "report.html", str(place))
    assert Path(copy).read_bytes() == b"<p>round 1</p>"
    # They lie beside the database, whatever the working folder is.
    assert found.artifact_uri.startswith((place / "mlflow").as_uri())


def test_a_place_for_files_that_refuses_them_costs_a_warning_and_nothing_else(
    place: Path, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    report = store.commit("report", "report", {"report.html": b"<p></p>"}, {})
    run = open_tracker(place, "new").run("e")
    (place / "mlflow").write_text("a file where the folder should be")
    run.log_files(store.root, report, ["report.html"])
    run.log_metrics({"mean/gain": 0.5})
    assert "MLflow answers, but takes no files" in caplog.text
    assert "report" in caplog.text
    assert runs_of(place, "new")["e"].data.metrics == {"mean/gain": 0.5}
    assert not (place / "spool.jsonl").exists()


def test_a_report_that_is_gone_or_a_store_that_is_away_loses_no_other_operation(
    place: Path, tracker: Tracker, outage: dict[str, bool], store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    report = store.commit("report", "report", {"report.html": b"<p></p>"}, {})
    outage["on"] = True
    run = tracker.run("e")
    run.log_files(store.root, report.model_copy(update={"sha256": "ab" * 32}), ["report.html"])
    run.log_metrics({"mean/gain": 0.5})
    outage["on"] = False
    assert tracker.flush_spool() == 0
    assert "refused a spooled operation" in caplog.text
    assert "cannot be trusted" in caplog.text
    assert runs_of(place)["e"].data.metrics == {"mean/gain": 0.5}
    assert is_away(StoreUnavailable("S3 does not answer"))


def test_curves_fill_in_the_steps_that_a_run_does_not_have(place: Path, tracker: Tracker) -> None:
    run = tracker.run("e", 1, "vop")
    run.log_metrics({"rollouts/reward": 0.2, "rollouts/entropy": 1.0}, step=2)
    steps = [(1, {"rollouts/reward": 0.1}), (2, {"rollouts/reward": 0.2, "rollouts/entropy": 1.0})]
    for _ in range(2):
        run.log_curves([*steps, (3, {"rollouts/reward": 0.3})])
    client, run_id = client_of(place), runs_of(place)["e/round-0001/vop"].info.run_id
    history = client.get_metric_history(run_id, "rollouts/reward")
    assert sorted((one.step, one.value) for one in history) == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert [one.step for one in client.get_metric_history(run_id, "rollouts/entropy")] == [2]


def test_people_find_names_notes_and_the_view_for_training(place: Path, tracker: Tracker) -> None:
    run = tracker.run("e", 1)
    run.set_champion("viper-e", REF)
    tags = {"score.mean": "76.6", "parent": "base"}
    for _ in range(2):
        run.describe("round 1: promote +2.8", "**promote**: better")
        run.describe_experiment("Evolution e")
        run.describe_champion("viper-e", REF, "champions of e", "made in round 1", tags)
    run.describe_champion("viper-e", REF.model_copy(update={"sha256": "cd" * 32}), "x", "never registered", {})
    client, found = client_of(place), runs_of(place)["e/round-0001"]
    assert (found.info.run_name, found.data.tags["mlflow.note.content"]) == (
        "round 1: promote +2.8",
        "**promote**: better",
    )
    experiment = client.get_experiment_by_name("viper")
    assert experiment.tags["mlflow.note.content"] == "Evolution e"
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    champion = client.get_model_version_by_alias("viper-e", "champion")
    assert champion.description == "made in round 1"
    assert tags.items() <= champion.tags.items()
    assert client.get_registered_model("viper-e").description == "champions of e"
    # It is still the one run of the round, under its new name.
    open_tracker(place).run("e", 1).log_tags({"verdict": "promote"})
    assert set(runs_of(place)) == {"e", "e/round-0001"}


def test_a_database_and_a_server_that_is_away_have_no_pages(tmp_path: Path, place: Path, tracker: Tracker) -> None:
    tracker.run("e", 1)
    assert tracker.page("e", 1) == ""
    away = Tracker("http://127.0.0.1:9", "viper", tmp_path / "other-spool.jsonl")
    assert away.page("e") == ""
