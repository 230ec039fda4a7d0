"""The deployments on a real Prefect server: they are accepted, and the cron schedule produces runs."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home, port = tmp_path_factory.mktemp("prefect"), _free_port()
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
    }
    log = (home / "server.log").open("wb")
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 180
        while True:
            assert process.poll() is None, (home / "server.log").read_text()
            assert time.monotonic() < deadline, "the server did not become ready"
            try:
                with urlopen(f"{environment['PREFECT_API_URL']}/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.5)
        yield environment
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def _scheduled(environment: dict[str, str]) -> list[str]:
    code = (
        "import asyncio\n"
        "from prefect import get_client\n"
        "from prefect.client.schemas.filters import FlowRunFilter\n"
        "async def main():\n"
        "    async with get_client() as client:\n"
        "        wanted = FlowRunFilter(state={'type': {'any_': ['SCHEDULED']}})\n"
        "        runs = await client.read_flow_runs(flow_run_filter=wanted)\n"
        "        names = {(await client.read_deployment(run.deployment_id)).name for run in runs}\n"
        "        print(*sorted(names), sep='\\n')\n"
        "asyncio.run(main())\n"
    )
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return shown.stdout.split()


def test_the_nightly_deployment_is_accepted_and_scheduled(server: dict[str, str]) -> None:
    subprocess.run(
        [str(BIN / "prefect"), "work-pool", "create", "viper", "--type", "process"], env=server, check=True, cwd=ROOT
    )
    deployed = subprocess.run(
        [str(BIN / "prefect"), "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml"],
        env=server,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    deadline = time.monotonic() + 90
    while "evolve-shapes" not in (names := _scheduled(server)):
        assert time.monotonic() < deadline, f"no run was scheduled; scheduled are {names}"
        time.sleep(2)
    assert "evolve-qwen2.5-vl-7b" not in names, "the GPU deployment ships with its schedule switched off"
