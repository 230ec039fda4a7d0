"""What each tracking operation asks of MLflow. Every one may be carried out twice without harm."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_TAG = "viper.run"
CHAMPION_ALIAS = "champion"
PARAMS_A_CALL = 100
Operation = dict[str, Any]

_AWAY = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"}


def find_or_create_run(client: "MlflowClient", experiment: str, name: str, time_ms: int) -> str:
    """The id of the run that carries the tag ``name``; it and its parents are created if they are not there yet.

    Args:
        client: Connection to MLflow.
        experiment: Name of the experiment, created too.
        name: Names from the evolution down, joined by slashes.
        time_ms: Start of a new run, in milliseconds since 1970.
    """
    experiment_id = _experiment_id(client, experiment)
    found = client.search_runs([experiment_id], f"tags.`{RUN_TAG}` = '{name}'", order_by=["start_time ASC"])
    if found:
        return str(found[0].info.run_id)
    parent, _, last = name.rpartition("/")
    tags = {RUN_TAG: name}
    if parent:
        tags["mlflow.parentRunId"] = find_or_create_run(client, experiment, parent, time_ms)
    return str(client.create_run(experiment_id, time_ms, tags, run_name=last).info.run_id)


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


def _log_tags(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in operation["tags"].items()])


def _log_dataset_input(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.entities import Dataset, DatasetInput

    source = json.dumps(operation["ref"], sort_keys=True)
    dataset = Dataset(operation["name"], operation["digest"][:36], "viper-store", source)
    client.log_inputs(run_id, [DatasetInput(dataset)])


def _set_champion(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.exceptions import MlflowException

    name, ref = operation["model_name"], operation["ref"]
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}'")
    same = [version for version in versions if version.tags.get("viper.sha256") == ref["sha256"]]
    tags = {f"viper.{field}": str(value) for field, value in ref.items()}
    champion = same[0] if same else client.create_model_version(name, f"viper-store:/{ref['uri']}", run_id, tags)
    client.set_registered_model_alias(name, CHAMPION_ALIAS, champion.version)


def _clear_champion(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.delete_registered_model_alias(operation["model_name"], CHAMPION_ALIAS)
    except MlflowException as error:
        # No model of this name was ever registered, so nothing is called champion.
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _end(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    client.set_terminated(run_id, operation["status"], operation["time_ms"])


OPERATIONS: dict[str, Callable[["MlflowClient", str, Operation], None]] = {
    "start": _start,
    "log_params": _log_params,
    "log_metrics": _log_metrics,
    "log_tags": _log_tags,
    "log_dataset_input": _log_dataset_input,
    "set_champion": _set_champion,
    "clear_champion": _clear_champion,
    "end": _end,
}


def _experiment_id(client: "MlflowClient", name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
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

    return isinstance(error, OSError | OperationalError) or getattr(error, "error_code", None) in _AWAY
