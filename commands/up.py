"""``viper up``, ``viper up --check`` and ``viper down``: the services of one machine."""

import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

from commands.credentials import read_keys, write_exports, write_private
from commands.services import HOST, LOGIN, Choices, Service, addresses, program, services
from commands.supervisor import Supervisor, answers, end, marked
from commands.terminal import say
from viper.asking import AwayError, ask
from viper.environment import home
from viper.errors import ServiceFailed

DOWN_WITHIN_S = 180
NIGHTLY = "evolve/evolve-shapes"
"""The deployment that ships with its schedule switched on."""


def up(choices: Choices) -> bool:
    """Start the services that are chosen, and keep them running until Ctrl-C, SIGTERM or a closed terminal.

    Returns:
        False if they run already and one of them is not healthy.

    Raises:
        ServiceFailed: A port is taken, or a service does not start. Nothing is left running.
    """
    folder = _folder()
    with _alone(folder) as alone:
        if alone:
            _end_leftovers(folder)
            _run(choices, folder)
            return True
    say("`viper up` runs already and is left as it is. `viper down` stops it.")
    return check()


def check() -> bool:
    """Say of each service whether it is healthy, and whether the deployments are registered. True if all is well."""
    folder = _folder()
    with _alone(folder) as alone:
        if alone:
            say("Nothing runs here. Start it with: viper up")
            return False
    choices, keys = Choices(**_state(folder)["choices"]), read_keys(folder)
    found = {service.name: (answers(service.page), service.page) for service in services(choices, folder, keys)}
    if choices.worker:
        found["nightly"] = (_is_registered(choices, addresses(choices, keys)), f"deployment {NIGHTLY}")
    for name, (healthy, what) in found.items():
        say(f"{'ok     ' if healthy else 'PROBLEM'}  {name:8} {what}", fg=None if healthy else "red")
    say(f"Logs: {folder}/*.log   Other commands find the services after: source {home() / 'up.env'}")
    return all(healthy for healthy, _ in found.values())


def down() -> None:
    """Stop ``viper up``, and end what one that was killed left behind.

    Raises:
        ServiceFailed: It does not stop.
    """
    folder, deadline, stopped = _folder(), time.monotonic() + DOWN_WITHIN_S, False
    while True:
        with _alone(folder) as alone:
            if alone:
                stopped |= _end_leftovers(folder)
                break
            with suppress(ProcessLookupError):
                os.kill(_state(folder)["pid"], signal.SIGTERM)
            stopped = True
        if time.monotonic() > deadline:
            raise ServiceFailed(f"`viper up` (process {_state(folder)['pid']}) does not stop. Logs: {folder}/*.log")
        time.sleep(0.5)
    say("Stopped." if stopped else "Nothing runs here.")


def _run(choices: Choices, folder: Path) -> None:
    keys = read_keys(folder)
    chosen, found = services(choices, folder, keys), addresses(choices, keys)
    _check_ports(chosen)
    write_exports(home() / "up.env", found)
    write_private(folder / "state.json", json.dumps({"pid": os.getpid(), "choices": asdict(choices)}))
    supervisor = Supervisor(folder, dict(os.environ), _stop_event(), _tell)
    try:
        _tell(f"Starting {', '.join(service.name for service in chosen)}: up to a minute, more on a busy machine")
        supervisor.start([service for service in chosen if service.name != "worker"])
        if choices.worker:
            _deploy(supervisor, found)
            supervisor.start([service for service in chosen if service.name == "worker"])
        if not supervisor.stopping.is_set():
            _welcome(choices, folder)
        supervisor.watch()
        _tell("Stopping")
    finally:
        supervisor.stop()


def _deploy(supervisor: Supervisor, found: dict[str, str]) -> None:
    """Register the deployments, by the command that does so on every other server, too."""
    if supervisor.stopping.is_set():
        return
    process = supervisor.run("deploy", [program("viper"), "deploy"], found)
    while process.poll() is None and not supervisor.stopping.wait(0.3):
        pass
    if process.poll():
        raise ServiceFailed(f"The deployments could not be registered. Their log: {supervisor.log('deploy')}")
    if not supervisor.stopping.is_set():
        _tell("deploy   registered work pool, deployments and automations")


def _welcome(choices: Choices, folder: Path) -> None:
    lines = [f"{name:8} {choices.page(name)}" for name in ("prefect", "mlflow", *(["s3"] if choices.s3 else []))]
    lines.append(f"logs     {folder}/*.log")
    if choices.auth:
        lines.append(
            f"login    {LOGIN}, with the PASSWORD of {folder / 'keys.json'}; Prefect asks for {LOGIN}:PASSWORD"
        )
    lines.append(f"Next, in another terminal: source {home() / 'up.env'}")
    if choices.worker:
        lines.append(f"  prefect deployment run {NIGHTLY}   a round now; by itself one starts every night")
    else:
        lines.append("  viper evolve   a round now, which uses these servers")
    lines.append("Stop with Ctrl-C, or `viper down`.")
    for line in lines:
        _tell(line)


def _folder() -> Path:
    folder = home() / "up"
    for part in ("s3", "mlflow"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other ``viper up`` runs on this folder; none starts meanwhile. The system forgets those that died."""
    with (folder / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _state(folder: Path) -> dict[str, Any]:
    """What the ``viper up`` that runs wrote about itself."""
    deadline = time.monotonic() + 5  # it may be about to write it
    while True:
        try:
            state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        except FileNotFoundError:
            if time.monotonic() > deadline:
                raise ServiceFailed(f"There is no {folder / 'state.json'}. Try again in a moment.") from None
            time.sleep(0.2)
        else:
            return state


def _end_leftovers(folder: Path) -> bool:
    """End what a ``viper up`` that was killed left running. Whether there was anything."""
    left = list(marked(folder))
    if left:
        say(f"Ending {len(left)} process(es) that an earlier `viper up` left behind")
        end(left)
    return bool(left)


def _check_ports(chosen: list[Service]) -> None:
    for service in chosen:
        for port in service.ports:
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    listener.bind((HOST, port))
                except (OSError, OverflowError) as error:
                    raise ServiceFailed(
                        f"Port {port}, which {service.name} needs, cannot be had ({error}). End the program that has "
                        f"it, or choose another port with --{service.name}-port."
                    ) from error


def _is_registered(choices: Choices, found: dict[str, str]) -> bool:
    page = choices.page("prefect", f"/api/deployments/name/{NIGHTLY}")
    try:
        return ask(page, found.get("PREFECT_API_AUTH_STRING", ""), "")[0] == 200
    except AwayError:
        return False


def _stop_event() -> Event:
    """Set by Ctrl-C, by SIGTERM, and when the terminal is closed, unless `nohup` says that this does not matter."""
    stopping = Event()

    def stop(number: int, _frame: object) -> None:
        if number == signal.SIGHUP:  # nobody reads any more, and writing would fail
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    return stopping


def _tell(text: str) -> None:
    """Say something where somebody may no longer read."""
    with suppress(OSError):
        say(text)
