"""Services are kept running, and end with all that they started; small ones here, and real processes all the same."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from commands.services import Service
from commands.supervisor import Supervisor, end, marked
from tests.servers import free_ports
from viper.errors import ServiceFailed

pytestmark = pytest.mark.timeout(120)

SERVER = """
import subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Fine(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
# Something in a session of its own, which no signal to this process or its group reaches.
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Fine).serve_forever()
"""
ONLY_ONCE = """
import pathlib, sys
marker = pathlib.Path("started")
if marker.exists():
    sys.exit(4)
marker.touch()
"""


def _service(name: str = "server", code: str = SERVER) -> Service:
    (port,) = free_ports(1)
    return Service(name, [sys.executable, "-c", code, str(port)], {}, f"http://127.0.0.1:{port}/", [port])


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _servers(folder: Path) -> list[psutil.Process]:
    return [process for process in marked(folder) if "HTTPServer" in " ".join(process.cmdline())]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "up").mkdir()
    yield tmp_path / "up"
    end(list(marked(tmp_path / "up")))


@contextmanager
def _watching(folder: Path, service: Service) -> Iterator[list[str]]:
    """A supervisor that keeps a service running; gives what it tells."""
    told: list[str] = []
    supervisor = Supervisor(folder, dict(os.environ), threading.Event(), told.append)
    supervisor.start([service])
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    try:
        yield told
    finally:
        supervisor.stopping.set()
        watching.join()
        supervisor.stop()


def test_a_stop_ends_what_services_started_in_sessions_of_their_own(folder: Path) -> None:
    with _watching(folder, _service()):
        assert len(list(marked(folder))) == 2
    assert list(marked(folder)) == []


def test_what_dies_starts_again_and_its_log_is_named(folder: Path) -> None:
    with _watching(folder, _service()) as told:
        (first,) = _servers(folder)
        first.kill()
        _until(lambda: any(one.pid != first.pid for one in _servers(folder)))
        assert told[1] == f"server   ended (status -9), starts again in 1 s. Its log: {folder / 'server.log'}"
    assert list(marked(folder)) == []


def test_what_ends_again_and_again_is_left_alone_longer_each_time(folder: Path) -> None:
    with _watching(folder, _service(code=ONLY_ONCE + SERVER)) as told:
        _servers(folder)[0].kill()
        _until(lambda: len(told) > 3)
        assert [line.split("starts again in ")[1].split(".")[0] for line in told[1:4]] == ["1 s", "2 s", "4 s"]


def test_a_service_that_ends_while_it_starts_is_named_with_its_log(folder: Path) -> None:
    supervisor = Supervisor(folder, dict(os.environ), threading.Event(), print)
    with pytest.raises(ServiceFailed, match=r"broken ended while it started \(status 3\)\. Its log: .*broken\.log"):
        supervisor.start([_service(), _service("broken", "import sys; sys.exit(3)")])
    supervisor.stop()
    assert list(marked(folder)) == []


def test_a_killed_supervisor_leaves_processes_that_are_found_by_their_mark(folder: Path) -> None:
    service = _service()
    code = f"""
        import os, threading
        from pathlib import Path
        from commands.services import Service
        from commands.supervisor import Supervisor
        supervisor = Supervisor(Path({str(folder)!r}), dict(os.environ), threading.Event(), print)
        supervisor.start([Service("server", {service.command!r}, {{}}, {service.page!r}, [])])
        print("started", flush=True)
        supervisor.watch()
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "started" not in process.stdout.readline():
        assert process.poll() is None
    process.kill()
    process.communicate()
    left = list(marked(folder))
    assert len(left) == 2
    end(left)
    assert list(marked(folder)) == []
    assert psutil.wait_procs(left, timeout=10)[1] == []
