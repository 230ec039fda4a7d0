"""``viper deploy`` on a real Prefect server: what is registered, what a person switched stays, and cron makes runs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import Server, prefect_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

VIPER = [sys.executable, "-c", "from commands.cli import main; main()"]
SWITCH = """
from prefect import get_client
from prefect.automations import Automation
from prefect.client.schemas.actions import DeploymentUpdate
with get_client(sync_client=True) as client:
    found = {deployment.name: deployment for deployment in client.read_deployments()}
    for name, active in [("evolve-shapes", False), ("evolve-qwen2.5-vl-7b", True)]:
        client.update_deployment_schedule(found[name].id, found[name].schedules[0].id, active=active)
    client.pause_deployment(found["benchmark"].id)
    (automation,) = client.read_automations_by_name("viper: lost machines")
    client.pause_automation(automation.id)
"""
SHOW = """
import json
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter
with get_client(sync_client=True) as client:
    found = client.read_deployments()
    names = {deployment.id: deployment.name for deployment in found}
    waiting = client.read_flow_runs(flow_run_filter=FlowRunFilter(state={"type": {"any_": ["SCHEDULED"]}}))
    pool = client.read_work_pool("viper")
    print(json.dumps({
        "limit": pool.concurrency_limit,
        "on": sorted(one.name for one in found if any(schedule.active for schedule in one.schedules)),
        "paused": sorted(one.name for one in found if one.paused),
        "names": sorted(names.values()),
        "scheduled": sorted({names[run.deployment_id] for run in waiting}),
        "automations": {one.name: one.enabled for one in client.read_automations()},
    }))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = prefect_server(tmp_path_factory.mktemp("prefect"), PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS="5")
    server.start()
    yield server
    server.kill()


def _run(server: Server, *command: str) -> str:
    environment = {
        **os.environ,
        "PREFECT_API_URL": server.page.removesuffix("/health"),
        "PREFECT_HOME": str(server.folder / "client"),
        "VIPER_HOME": str(server.folder / "viper"),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _shown(server: Server) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(_run(server, sys.executable, "-W", "ignore", "-c", SHOW))
    return shown


def test_what_is_registered_runs_every_night_and_stays_as_a_person_switched_it(server: Server) -> None:
    assert "work pool 'viper': one run at a time" in _run(server, *VIPER, "deploy")
    shown = _shown(server)
    assert shown["limit"] == 1
    assert shown["names"] == ["benchmark", "evolve-qwen2.5-vl-7b", "evolve-shapes", "synthesis"]
    assert shown["on"] == ["evolve-shapes"], "the GPU deployment ships with its schedule switched off"
    assert shown["automations"] == {"viper: lost machines": True, "viper: lost starts": True}
    deadline = time.monotonic() + 90
    while "evolve-shapes" not in (scheduled := _shown(server)["scheduled"]):
        assert time.monotonic() < deadline, f"no run was scheduled; scheduled are {scheduled}"
        time.sleep(2)
    assert scheduled == ["evolve-shapes"]

    _run(server, sys.executable, "-W", "ignore", "-c", SWITCH)
    _run(server, *VIPER, "deploy")
    shown = _shown(server)
    assert shown["on"] == ["evolve-qwen2.5-vl-7b"]
    assert shown["paused"] == ["benchmark"]
    assert shown["automations"] == {"viper: lost machines": False, "viper: lost starts": True}
