"""MLflow databases of tests, and the runs in them."""

from pathlib import Path
from typing import Any

from storage.tracking import Tracker


def open_tracker(place: Path, experiment: str = "viper") -> Tracker:
    return Tracker(f"sqlite:///{place / 'mlflow.db'}", experiment, place / "spool.jsonl")


def client_of(place: Path) -> Any:
    from mlflow import MlflowClient

    uri = f"sqlite:///{place / 'mlflow.db'}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs_of(place: Path, experiment_name: str = "viper") -> dict[str, Any]:
    client = client_of(place)
    experiment = client.get_experiment_by_name(experiment_name)
    runs = client.search_runs([experiment.experiment_id], "tags.`viper.run` LIKE 'e%'")
    assert len({run.data.tags["viper.run"] for run in runs}) == len(runs), "a run was duplicated"
    return {run.data.tags["viper.run"]: run for run in runs}
