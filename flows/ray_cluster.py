"""The Ray cluster that shards are worked off on: that of ``RAY_ADDRESS``, or one of this machine alone."""

import logging
import os
import secrets
import signal
import socket
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tasks.step import Role
from viper.errors import AddressError, ProfileError, ServiceFailed
from viper.settings import ActorSettings, RunSettings, Settings

VARIABLE = "RAY_ADDRESS"
KINDS = tuple(name for name, field in RunSettings.model_fields.items() if field.annotation is ActorSettings)
"""Of actors."""
ANSWER_S = 5.0
"""So long a cluster may take to take a connection, in seconds."""
OBJECT_BYTES = 100_000_000
"""Shared memory of the local cluster: what goes through it are inputs and references."""


@dataclass(frozen=True)
class Needs:
    """What Ray sets aside for one actor."""

    gpus: float
    cpus: float

    def __str__(self) -> str:
        return f"{self.gpus:g} GPU(s) and {self.cpus:g} CPU(s)"


def check_installed() -> None:
    """Ray is there.

    Raises:
        ProfileError: It is not.
    """
    if find_spec("ray") is None:
        raise ProfileError(
            'run.workers is "ray", but Ray is not installed. Install it (pip install --constraint constraints.txt '
            "--editable '.[ray]'), or set run.workers to \"process\"."
        )


def connect() -> Any:
    """The module ``ray``, connected to the cluster. A cluster of this machine is started where no other is named.

    Raises:
        ProfileError: Ray is not installed.
        AddressError: ``RAY_ADDRESS`` is none, or no cluster answers there.
        ServiceFailed: A local cluster does not start.
    """
    check_installed()
    address = os.environ.get(VARIABLE) or "local"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == "local":
        _keep_to_ourselves()
    import ray

    if ray.is_initialized():
        return ray
    _check_address(address)
    local = {"include_dashboard": False, "object_store_memory": OBJECT_BYTES} if address == "local" else {}
    logging.getLogger("ray").setLevel(logging.ERROR)
    ended_by = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, **local)
    except Exception as error:  # Ray raises plain ones, too
        if address == "local":
            found = f"A Ray cluster on this machine does not start: {error}. Its logs are in /tmp/ray."
            raise ServiceFailed(found) from error
        raise AddressError(f"{VARIABLE} is {address!r}, but no cluster answers there: {error}. {_REMEDY}") from error
    finally:
        # Ray takes the signal for itself; a run that a worker ends has to say so.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ended_by)
    return ray


_REMEDY = (
    "Start the cluster (ray start --head) and run this command on one of its machines, or leave the variable out for a "
    "cluster of this machine alone."
)


def _keep_to_ourselves() -> None:
    """Let nobody else reach a cluster of this machine: who reaches Ray can run programs as its user."""
    # Ray's name for it speaks of two systems, but it holds on all: without clusters, everything binds to the loopback.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if not os.environ.get("RAY_AUTH_MODE"):
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))


def _check_address(address: str) -> None:
    """Ray itself tries an address for minutes before it says that nobody is there."""
    if address in ("local", "auto"):
        return
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in host:
        raise AddressError(f"{VARIABLE} is {address!r}. Expected HOST:PORT, auto or local. {_REMEDY}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise AddressError(f"{VARIABLE} is {address!r}, but nobody answers there ({error}). {_REMEDY}") from error


def check_cluster(settings: Settings) -> None:
    """Ray is there, the cluster answers, and one of its machines has room for an actor of each kind.

    Raises:
        ViperError: With what was found, what was expected, and what to do.
    """
    for kind in KINDS:
        needs = needs_of(settings, kind)
        for device in devices_of(settings, kind):
            if int(device.partition(":")[2] or 0) >= max(1, needs.gpus):
                raise ProfileError(
                    f"A model of the {kind} actors is on {device!r}, but each actor sees {needs.gpus:g} GPU(s) of its "
                    f'own, which it counts from 0. Set the device to "{device.partition(":")[0]}", or run.{kind}.gpus '
                    "to as many as an actor uses."
                )
    ray = connect()
    for kind in KINDS:
        needs = needs_of(settings, kind)
        if not room_for(needs):
            found = [f"{node.get('GPU', 0):g} and {node.get('CPU', 0):g}" for node in _nodes(ray)]
            raise ProfileError(
                f"A {kind} actor needs {needs} (run.{kind}), but no machine of the Ray cluster has as many: they have "
                f"{', '.join(found)}. Lower run.{kind}.gpus or run.{kind}.cpus, or add machines."
            )


def needs_of(settings: Settings, kind: str) -> Needs:
    """What an actor of a kind needs: no GPU where its models are on the CPU, or where it has none."""
    asked: ActorSettings = getattr(settings.run, kind)
    on_gpu = any(device != "cpu" for device in devices_of(settings, kind))
    return Needs(gpus=asked.gpus if on_gpu else 0, cpus=asked.cpus)


def kind_of_roles(roles: tuple[Role, ...]) -> str:
    """The kind of actor that does steps with these roles: the judge is with the painter."""
    own = [role for role in roles if role != "judge"]
    return own[0] if own else "painter" if roles else "files"


def devices_of(settings: Settings, kind: str) -> list[str]:
    """The torch devices of the models of a kind of actor."""
    models, judge = settings.models, settings.judge
    devices = [getattr(models, kind).device] if kind in type(models).model_fields else []
    return [*devices, judge.device] if kind == "painter" and judge.path else devices


def room_for(needs: Needs) -> int:
    """How many actors with these needs the machines of the connected cluster have, if nobody else uses them."""
    nodes = _nodes(connect())
    return sum(int(min(_times(node, "CPU", needs.cpus), _times(node, "GPU", needs.gpus))) for node in nodes)


def _nodes(ray: Any) -> list[dict[str, float]]:
    """The resources of each machine that is there."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _times(node: dict[str, float], resource: str, needed: float) -> float:
    # Parts of a GPU do not add up to a whole one in binary.
    return (node.get(resource, 0.0) + 1e-6) / needed if needed else float("inf")
