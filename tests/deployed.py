"""Deployments of the loop on a real Prefect server, with a worker that tests kill."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

from storage.objects import ObjectStore
from tests.kill.harness import World
from tests.servers import BIN
from viper.profiles import load_profile, override

ROOT = Path(__file__).resolve().parents[1]


def api(page: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(page, data, {"Content-Type": "application/json"}, method=method), timeout=60) as reply:
        return json.loads(reply.read() or "null")


def wait_for_end(page: str) -> dict[str, Any]:
    """The run, once it has ended in whatever state."""
    deadline = time.monotonic() + 1500
    while (run := api(page))["state_type"] in {"SCHEDULED", "PENDING", "RUNNING"}:
        assert time.monotonic() < deadline, run["state"]
        time.sleep(2)
    found: dict[str, Any] = run
    return found


class Deployed:
    """A Prefect server with the deployment, and a worker for it that can be killed."""

    def __init__(self, world: World, home: Path) -> None:
        self.world, self.home = world, home
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, **world.environment(home), "PATH": path}
        self.url = self.environment["PREFECT_API_URL"]
        self.viper("deploy")
        self.start_worker()

    def viper(self, *arguments: str) -> None:
        command = [sys.executable, "-c", "from commands.cli import main; main()", *arguments]
        subprocess.run(command, env=self.environment, cwd=ROOT, check=True, capture_output=True)

    def start_worker(self) -> None:
        with (self.world.folder / "worker.log").open("ab") as log:
            command = [BIN / "prefect", "worker", "start", "--pool", "viper"]
            self.worker = psutil.Popen(command, env=self.environment, cwd=ROOT, stdout=log, stderr=log)

    def kill_worker(self, *, with_runs: bool) -> None:
        """SIGKILL it; with the runs that it started, as when its machine is lost."""
        victims = [self.worker, *(self.worker.children(recursive=True) if with_runs else [])]
        for victim in victims:
            victim.kill()
        psutil.wait_procs(victims, timeout=60)

    def start_run(self, changes: list[str]) -> str:
        settings = override(load_profile("shapes"), changes).model_dump(mode="json")
        asked = {"parameters": {"settings": settings, "rounds": 1, "additional": True}}
        return str(api(f"{self.url}/deployments/{self.nightly}/create_flow_run", asked)["id"])

    def due(self, now: datetime) -> list[dict[str, Any]]:
        """The nightly runs that should have begun by now."""
        wanted = {"deployment_id": {"any_": [self.nightly]}, "expected_start_time": {"before_": now.isoformat()}}
        found: list[dict[str, Any]] = api(f"{self.url}/flow_runs/filter", {"flow_runs": wanted})
        return found

    @property
    def nightly(self) -> str:
        return str(api(f"{self.url}/deployments/name/evolve/evolve-shapes")["id"])

    def wait_for(self, run: str, state: str) -> dict[str, Any]:
        ended = wait_for_end(f"{self.url}/flow_runs/{run}")
        assert ended["state_type"] == state, ended["state"]
        return ended

    def message(self, run: str) -> str:
        return str(api(f"{self.url}/flow_runs/{run}")["state"]["message"])

    def retry(self, run: str) -> None:
        subprocess.run([BIN / "prefect", "flow-run", "retry", run], env=self.environment, check=True)

    def wait_for_training(self) -> None:
        deadline = time.monotonic() + 900
        while not any("tasks.training_process" in line for line in map(_command, self.worker.children(recursive=True))):
            assert time.monotonic() < deadline, (self.world.folder / "worker.log").read_text()[-3000:]
            time.sleep(0.1)

    def wait_for_step(self, step: str) -> None:
        deadline = time.monotonic() + 600
        while not list(ObjectStore(self.world.store_root(self.home)).list(f"results/{step}")):
            assert time.monotonic() < deadline, (self.world.folder / "worker.log").read_text()[-3000:]
            time.sleep(0.1)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
