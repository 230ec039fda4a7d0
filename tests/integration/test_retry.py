"""A retry by Prefect and ``viper resume`` do the same: finished steps are reused, and both end in the same hashes."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.kill.harness import World
from tests.servers import BIN, prefect_server
from tests.small import SMALL
from viper.settings import load_profile, override

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[2]
FAILS_ONCE = """
import os, pathlib, runpy, sys
sys.path.insert(0, os.getcwd())
marker = pathlib.Path(os.environ["VIPER_HOME"]) / "failed"
if not marker.exists():
    marker.touch()
    sys.exit(9)
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


def api(page: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(page, data, {"Content-Type": "application/json"}), timeout=60) as reply:
        return json.load(reply)


def wait_for(page: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 1500
    while (run := api(page))["state_type"] != state:
        assert run["state_type"] in {"SCHEDULED", "PENDING", "RUNNING"}, run["state"]
        assert time.monotonic() < deadline, run["state"]
        time.sleep(2)
    found: dict[str, Any] = run
    return found


def test_a_retry_by_prefect_and_a_resume_end_in_the_same_hashes(tmp_path: Path) -> None:
    launcher = tmp_path / "fails-once.py"
    launcher.write_text(FAILS_ONCE)
    server = prefect_server(tmp_path / "server")
    world = World(tmp_path, {"prefect": server})
    changes = [*SMALL, f"training.launcher=['python', '{launcher}']"]
    settings = override(load_profile("shapes"), changes)
    retried, resumed = tmp_path / "retried", tmp_path / "resumed"
    environment = {**os.environ, **world.environment(retried), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    server.start()
    try:
        url = environment["PREFECT_API_URL"]
        for command in (
            ["work-pool", "create", "viper", "--type", "process"],
            ["--no-prompt", "deploy", "--name", "evolve-shapes", "--prefect-file", "deployments/prefect.yaml"],
        ):
            subprocess.run([BIN / "prefect", *command], env=environment, cwd=ROOT, check=True, capture_output=True)
        worker = subprocess.Popen(
            [BIN / "prefect", "worker", "start", "--pool", "viper"],
            env=environment,
            cwd=ROOT,
            stdout=(tmp_path / "worker.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            deployment = api(f"{url}/deployments/name/evolve/evolve-shapes")["id"]
            asked = {"parameters": {"settings": settings.model_dump(mode="json"), "rounds": 1, "additional": True}}
            run = api(f"{url}/deployments/{deployment}/create_flow_run", asked)["id"]
            wait_for(f"{url}/flow_runs/{run}", "FAILED")
            subprocess.run([BIN / "prefect", "flow-run", "retry", run], env=environment, check=True)
            done = wait_for(f"{url}/flow_runs/{run}", "COMPLETED")
            assert done["run_count"] == 2
        finally:
            worker.terminate()
            worker.wait(timeout=60)
        tasks = api(f"{url}/task_runs/filter", {"limit": 200})
        assert any(task["state_name"] == "Reused" for task in tasks)

        options = [part for one in changes for part in ("--set", one)]
        status, output, _ = world.run(resumed, ["evolve", *options])
        assert status == 1, output
        status, output, _ = world.run(resumed, ["resume"])
        assert status == 0, output
        assert "done before, reused" in output
    finally:
        server.kill()
    assert world.hashes(retried) == world.hashes(resumed)
    # What the worker ran was asked for as well: a resume after it finds it finished.
    status, output, _ = world.run(retried, ["status"])
    assert status == 0, output
    assert "Resume     skips all rounds" in output
