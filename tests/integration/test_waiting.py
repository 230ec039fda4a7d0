"""Runs that wait, on a real Prefect server: for a person they stay suspended, whenever they were last heard of."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from prefect import flow_engine
from prefect.client.orchestration import SyncPrefectClient

from flows import approval, deploying
from flows.automations import put_automation
from tests.prefect_runs import Deployed, prefect_client
from tests.small_flows import asks

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncPrefectClient]:
    with prefect_client(tmp_path_factory.mktemp("server")) as client:
        yield client


def test_a_suspended_run_is_never_taken_for_lost(
    client: SyncPrefectClient, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIPER_STORE", str(tmp_path_factory.mktemp("store")))
    # Signs of life every second, and a machine that is slow between the suspension and the end of the process.
    monkeypatch.setattr(flow_engine, "MINIMUM_HEARTBEAT_INTERVAL", 1)
    monkeypatch.setattr(flow_engine.BaseFlowRunEngine, "heartbeat_seconds", property(lambda _: 1))
    propose = approval.propose_state_sync

    def slowly(*arguments: Any, **named: Any) -> Any:
        state = propose(*arguments, **named)
        time.sleep(3)
        return state

    monkeypatch.setattr(approval, "propose_state_sync", slowly)
    monkeypatch.setattr(deploying, "SILENCE", timedelta(seconds=10))
    put_automation(client, deploying.automations()[0])
    run = Deployed(client, asks, "asks").begin()
    time.sleep(3)  # the server takes some time to listen for a new automation
    suspended = Deployed(client, asks, "asks").go_on(run)
    assert suspended.state_name == "Suspended"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert client.read_flow_run(run).state_name == "Suspended"
        time.sleep(1)
