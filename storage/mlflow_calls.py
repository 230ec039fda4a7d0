"""What each tracking operation asks of MLflow. Every one may be carried out twice without harm."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from storage.mlflow_models import clear_champion, describe_champion, set_champion
from storage.objects import ObjectStore
from viper.addresses import without_passwords
from viper.errors import StoreError, StoreUnavailable
from viper.records import ArtifactRef

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_TAG = "viper.run"
NOTE = "mlflow.note.content"
"""The tag that MLflow shows as a description, in Markdown."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Opens an experiment in the view for training, not in that for agents."""
PARAMS_A_CALL = 100
METRICS_A_CALL = 1000
Operation = dict[str, Any]

_log = logging.getLogger(__name__)

_AWAY = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"}


def find_or_create_run(
    client: "MlflowClient", experiment: str, name: str, time_ms: int, files: str | None = None
) -> str:
    """The id of the run that carries the tag ``name``; it and its parents are created if they are not there yet.

    Args:
        client: Connection to MLflow.
        experiment: Name of the experiment, created too.
        name: Names from the evolution down, joined by slashes.
        time_ms: Start of a new run, in milliseconds since 1970.
        files: Where a new experiment keeps the files of its runs; None for what the server says.
    """
    experiment_id = _experiment_id(client, experiment, files)
    if found := find_run(client, experiment_id, name):
        return found
    parent, _, last = name.rpartition("/")
    tags = {RUN_TAG: name}
    if parent:
        tags["mlflow.parentRunId"] = find_or_create_run(client, experiment, parent, time_ms, files)
    return str(client.create_run(experiment_id, time_ms, tags, run_name=last).info.run_id)


def find_run(client: "MlflowClient", experiment_id: str, name: str) -> str:
    """The id of the run that carries the tag ``name``; empty if there is none."""
    found = client.search_runs([experiment_id], f"tags.`{RUN_TAG}` = '{name}'", order_by=["start_time ASC"])
    return str(found[0].info.run_id) if found else ""


def _start(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    client.update_run(run_id, status="RUNNING")


def _log_params(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.entities import Param, RunTag

    known = client.get_run(run_id).data.params
    params = operation["params"]
    new = [Param(name, value) for name, value in params.items() if name not in known]
    for start in range(0, len(new), PARAMS_A_CALL):
        client.log_batch(run_id, params=new[start : start + PARAMS_A_CALL])
    changed = [RunTag(f"changed.{name}", value) for name, value in params.items() if known.get(name, value) != value]
    for start in range(0, len(changed), PARAMS_A_CALL):
        client.log_batch(run_id, tags=changed[start : start + PARAMS_A_CALL])


def _log_metrics(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.entities import Metric

    time_ms, step = operation["time_ms"], operation["step"]
    client.log_batch(run_id, [Metric(name, value, time_ms, step) for name, value in operation["metrics"].items()])


def _log_curves(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.entities import Metric

    names = {name for _, metrics in operation["steps"] for name in metrics}
    known = {name: {one.step for one in client.get_metric_history(run_id, name)} for name in names}
    missing = [
        Metric(name, value, operation["time_ms"], step)
        for step, metrics in operation["steps"]
        for name, value in metrics.items()
        if step not in known[name]
    ]
    for start in range(0, len(missing), METRICS_A_CALL):
        client.log_batch(run_id, missing[start : start + METRICS_A_CALL])


def _log_tags(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in operation["tags"].items()])


def _log_dataset_input(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps(operation["ref"], sort_keys=True)
    profile = json.dumps({"num_rows": operation["rows"]}) if operation.get("rows") else None
    dataset = Dataset(operation["name"], operation["digest"][:36], "viper-store", source, profile=profile)
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _describe(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    client.update_run(run_id, name=operation["name"])
    client.set_tag(run_id, NOTE, operation["note"])


def _describe_experiment(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    experiment_id = client.get_run(run_id).info.experiment_id
    for name, value in {NOTE: operation["note"], **KIND}.items():
        client.set_experiment_tag(experiment_id, name, value)


def _log_files(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    """The files come from the store, so that an operation that waits is small.

    Files may lie elsewhere than MLflow's database. A place that refuses them while MLflow answers costs a warning, and
    neither the round nor the operations that wait: the store has them all the same.
    """
    store, ref = ObjectStore(operation["store"]), ArtifactRef(**operation["ref"])
    with TemporaryDirectory() as folder:
        for name in operation["files"]:
            Path(folder, name).write_bytes(store.read(ref, name))
        for _ in range(2):
            try:
                client.log_artifacts(run_id, folder)
                return
            except Exception as error:
                client.get_run(run_id)  # raises where MLflow itself is away: then the files wait with the rest
                why = without_passwords(str(error))
    _log.warning("MLflow answers, but takes no files (%s). They lie in the store, at %s.", why, ref.uri)


def _end(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    client.set_terminated(run_id, operation["status"], operation["time_ms"])


OPERATIONS: dict[str, Callable[["MlflowClient", str, Operation], None]] = {
    "start": _start,
    "log_params": _log_params,
    "log_metrics": _log_metrics,
    "log_curves": _log_curves,
    "log_tags": _log_tags,
    "log_dataset_input": _log_dataset_input,
    "set_champion": set_champion,
    "clear_champion": clear_champion,
    "describe": _describe,
    "describe_experiment": _describe_experiment,
    "describe_champion": describe_champion,
    "log_files": _log_files,
    "end": _end,
}


def _experiment_id(client: "MlflowClient", name: str, files: str | None) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, files, KIND))
        except MlflowException as error:
            # Another process was first.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def is_away(error: Exception) -> bool:
    """Whether ``error`` says that MLflow does not answer now, rather than that it refuses what it was asked."""
    from sqlalchemy.exc import OperationalError

    if isinstance(error, StoreError):  # of a file that was to be copied
        return isinstance(error, StoreUnavailable)
    return isinstance(error, OSError | OperationalError) or getattr(error, "error_code", None) in _AWAY
