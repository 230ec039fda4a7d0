"""``viper up`` and ``viper down`` as an operator uses them, with real servers: nothing stays behind."""

import base64
import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from commands.supervisor import end, marked
from tests.servers import HOST, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(3600)]

VIPER = [sys.executable, "-c", "from commands.cli import main; main()"]
READY = "Stop with Ctrl-C"
ROUND_TRIPS = 10


class Machine:
    """A fresh ``VIPER_HOME``, ports that nobody has, and what is started there."""

    def __init__(self, folder: Path) -> None:
        self.home, self.log = folder / "viper", folder / "up.log"
        prefect, mlflow, worker = free_ports(3)
        s3 = _five_ports()
        self.ports = {"--prefect-port": prefect, "--mlflow-port": mlflow, "--worker-port": worker, "--s3-port": s3}
        self.environment = {**os.environ, "VIPER_HOME": str(self.home), "PREFECT_HOME": str(self.home / "prefect")}

    def arguments(self, *more: str) -> list[str]:
        return [*VIPER, "up", *more, *(str(part) for option in self.ports.items() for part in option)]

    def up(self, *more: str, **popen: object) -> "subprocess.Popen[bytes]":
        """Started and ready."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            streams = {"stdout": log, "stderr": log, **popen}
            process = subprocess.Popen(self.arguments(*more), env=self.environment, **streams)  # type: ignore[call-overload]
        self.until(lambda: READY in self.log.read_text() or process.poll() is not None)
        assert process.poll() is None, self.log.read_text()
        return process  # type: ignore[no-any-return]

    def killed_up(self, *more: str) -> None:
        """Killed when it was ready, so that it can stop nothing."""
        process = self.up(*more)
        process.kill()
        process.wait()

    def run(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run([*VIPER, *arguments], env=self.environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def running(self) -> dict[int, str]:
        """The processes that it started, and their commands."""
        found = {}
        for process in marked(self.home / "up"):
            try:
                found[process.pid] = " ".join(process.cmdline())
            except psutil.NoSuchProcess:
                continue
        return found

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 600
        while not holds():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def assert_nothing_is_left(self) -> None:
        assert self.running() == {}
        s3 = self.ports["--s3-port"]
        for port in (*self.ports.values(), *range(s3, s3 + 5), *range(s3 + 10_000, s3 + 10_005)):
            with socket.socket() as client:
                assert client.connect_ex((HOST, port)) != 0, f"port {port} still answers"


def _five_ports() -> int:
    """The first of five in a row."""
    while True:
        ports = free_ports(5)
        if ports[-1] - ports[0] == 4:
            return ports[0]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    end(list(marked(machine.home / "up")))


def test_one_command_starts_everything_and_a_second_one_touches_nothing(machine: Machine) -> None:
    process = machine.up("--s3")
    before = machine.running()
    status, output = machine.run("up", "--s3")
    assert (status, machine.running()) == (0, before)
    assert "runs already" in output
    status, output = machine.run("up", "--check")
    assert status == 0, output
    assert [line.split()[1] for line in output.splitlines() if line.startswith("ok")] == [
        *("prefect", "mlflow", "s3", "worker", "nightly")
    ]
    for name in ("up.env", "up/keys.json", "up/state.json"):
        assert (machine.home / name).stat().st_mode & 0o777 == 0o600, name
    keys = json.loads((machine.home / "up" / "keys.json").read_text())
    for log in [machine.log, *(machine.home / "up").glob("*.log")]:
        assert keys["AWS_SECRET_ACCESS_KEY"] not in log.read_text(errors="replace"), log
    # What the file exports is all that another shell needs: here to write to the store, with its keys.
    probe = f"{sys.executable} -c 'from flows.start import open_store; open_store().probe(1)'"
    done = subprocess.run(
        ["bash", "-c", f'source "{machine.home}/up.env" && echo "$VIPER_STORE" && {probe}'],
        env={name: value for name, value in os.environ.items() if not name.startswith("VIPER_")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "s3://viper/store"), done.stderr

    status, output = machine.run("down")
    assert (status, output.strip()) == (0, "Stopped.")
    assert process.wait(timeout=60) == 0
    machine.assert_nothing_is_left()
    assert machine.run("up", "--check")[0] == 1
    assert machine.run("down") == (0, "Nothing runs here.\n")


def test_a_server_that_dies_is_back_and_its_log_is_named(machine: Machine) -> None:
    process = machine.up("--no-worker")
    for name in ("prefect", "mlflow"):
        (pid,) = [pid for pid, command in machine.running().items() if f"bin/{name} server" in command]
        os.kill(pid, signal.SIGKILL)
        machine.until(lambda name=name: f"{name:8} ended (status -9)" in machine.log.read_text())  # type: ignore[misc]
        assert f"up/{name}.log" in machine.log.read_text()
        machine.until(lambda: machine.run("up", "--check")[0] == 0)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    machine.assert_nothing_is_left()


def test_a_closed_terminal_stops_everything(machine: Machine) -> None:
    ours, theirs = pty.openpty()
    arguments = " ".join(f"'{word}'" for word in machine.arguments("--no-worker"))
    shell = subprocess.Popen(
        ["bash", "-c", f"{arguments} 2>&1 | tee {machine.log}; true"],
        env=machine.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_own_terminal,
    )
    os.close(theirs)
    machine.until(lambda: machine.log.exists() and READY in machine.log.read_text())
    os.close(ours)  # the terminal is gone, and nobody reads what is written
    machine.until(lambda: machine.running() == {})
    shell.wait(timeout=60)
    machine.assert_nothing_is_left()


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_what_a_killed_up_left_behind_is_ended_by_down_and_by_the_next_up(machine: Machine) -> None:
    machine.killed_up("--no-worker")
    left = machine.running()
    assert len(left) >= 2
    status, output = machine.run("down")
    assert status == 0, output
    assert f"Ending {len(left)} process(es)" in output
    machine.assert_nothing_is_left()

    machine.killed_up("--no-worker")
    left = machine.running()
    process = machine.up("--no-worker")
    assert not left.keys() & machine.running().keys()
    process.terminate()
    assert process.wait(timeout=120) == 0
    machine.assert_nothing_is_left()


def test_a_taken_port_is_named_before_anything_starts(machine: Machine) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, machine.ports["--mlflow-port"]))
        taken.listen()
        status, output = machine.run(*machine.arguments("--no-worker")[len(VIPER) :])
    assert status == 2
    assert f"Port {machine.ports['--mlflow-port']}, which mlflow needs" in output
    assert "--mlflow-port" in output
    machine.assert_nothing_is_left()


def test_ten_round_trips_leave_no_process_and_no_port(machine: Machine) -> None:
    for _ in range(ROUND_TRIPS):
        began = time.monotonic()
        process = machine.up("--s3")
        ready = time.monotonic()
        assert machine.run("down")[0] == 0
        assert process.wait(timeout=60) == 0
        machine.assert_nothing_is_left()
        print(f"up in {ready - began:.0f} s, down in {time.monotonic() - ready:.0f} s")


def test_with_passwords_nobody_gets_in_without_one(machine: Machine) -> None:
    pytest.importorskip("flask_wtf")
    process = machine.up("--auth")
    keys = json.loads((machine.home / "up" / "keys.json").read_text())
    prefect = f"http://{HOST}:{machine.ports['--prefect-port']}/api/admin/version"
    mlflow = f"http://{HOST}:{machine.ports['--mlflow-port']}/api/2.0/mlflow/experiments/search?max_results=1"
    for page in (prefect, mlflow):
        assert _status(page, "") == 401
        assert _status(page, "admin:wrong") == 401
        assert _status(page, f"admin:{keys['PASSWORD']}") == 200
    assert machine.run("up", "--check")[0] == 0
    for log in [machine.log, *(machine.home / "up").glob("*.log")]:
        assert keys["PASSWORD"] not in log.read_text(errors="replace"), log
    process.terminate()
    assert process.wait(timeout=120) == 0
    # Drawn once: the next start has the same.
    process = machine.up("--auth", "--no-worker")
    assert json.loads((machine.home / "up" / "keys.json").read_text()) == keys
    assert _status(mlflow, f"admin:{keys['PASSWORD']}") == 200
    process.terminate()
    assert process.wait(timeout=120) == 0
    machine.assert_nothing_is_left()


def _status(page: str, login: str) -> int:
    request = Request(page)
    if login:
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urlopen(request, timeout=30) as reply:
            return int(reply.status)
    except HTTPError as refusal:
        refusal.close()
        return refusal.code
