"""The registered model of an evolution in MLflow: one version a champion, with what it can do and what made it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION_ALIAS = "champion"
Operation = dict[str, Any]


def set_champion(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    """Register a model, unless it is, and call it champion."""
    from mlflow.exceptions import MlflowException

    name, ref = operation["model_name"], operation["ref"]
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {f"viper.{field}": str(value) for field, value in ref.items()}
    found = _version(client, name, ref["sha256"])
    found = found or client.create_model_version(name, f"viper-store:/{ref['uri']}", run_id, tags).version
    client.set_registered_model_alias(name, CHAMPION_ALIAS, found)


def describe_champion(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    """Say of a registered model what it can do and what made it; of one that is not registered, nothing."""
    name = operation["model_name"]
    found = _version(client, name, operation["ref"]["sha256"])
    if not found:
        return
    client.update_registered_model(name, operation["about"])
    client.update_model_version(name, found, operation["note"])
    for tag, value in operation["tags"].items():
        client.set_model_version_tag(name, found, tag, value)


def _version(client: "MlflowClient", name: str, sha256: str) -> str:
    versions = client.search_model_versions(f"name = '{name}'")
    return next((str(one.version) for one in versions if one.tags.get("viper.sha256") == sha256), "")


def clear_champion(client: "MlflowClient", run_id: str, operation: Operation) -> None:
    """Take the alias from whoever has it."""
    from mlflow.exceptions import MlflowException

    try:
        client.delete_registered_model_alias(operation["model_name"], CHAMPION_ALIAS)
    except MlflowException as error:
        # No model of this name was ever registered, so nothing is called champion.
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
