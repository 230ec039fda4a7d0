"""What the person on duty asks a real Prefect server: what runs said, what they wait for, what mends what is wrong."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import flow_engine
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.logging.handlers import APILogHandler
from prefect.states import Completed, Pending, Running, State

from commands import doctor_checks
from flows import approval, deploying, health
from flows.automations import put_automation
from flows.logs import RunLog, find_run
from flows.waiting import waiting_runs
from tests.prefect_runs import Deployed, prefect_client
from tests.small_flows import asks, speaks
from viper.errors import ProfileError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncPrefectClient]:
    with prefect_client(tmp_path_factory.mktemp("server")) as client:
        yield client


POOL = deploying.POOL


def test_what_is_missing_is_named_with_the_command_that_mends_it(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", str(client.api_url))  # for the command that registers

    def ails(check: Callable[[SyncPrefectClient], str], said: str, mend: str) -> None:
        with pytest.raises(health.Ailing, match=said) as found:
            check(client)
        assert found.value.mend == mend

    for check in (health.check_pool, health.check_workers):
        ails(check, "there is no work pool 'viper'", "viper deploy")
    ails(health.check_deployments, "not registered: evolve-shapes, ", "viper deploy")
    ails(health.check_automations, "'viper: lost machines' is missing", "viper deploy")
    deploying.register()
    assert health.check_pool(client) == "'viper': 1 run(s) at a time"
    assert health.check_deployments(client) == "4; scheduled: evolve-shapes"
    assert health.check_automations(client) == "'viper: lost machines', 'viper: lost starts'"
    ails(health.check_workers, "no worker of the pool 'viper'", "prefect worker start --pool viper")
    client.send_worker_heartbeat(POOL, "here", heartbeat_interval_seconds=600)
    assert health.check_workers(client) == "here"

    client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    ails(health.check_pool, "is paused: no run starts", "prefect work-pool resume viper")
    client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
    (lost,) = client.read_automations_by_name("viper: lost machines")
    client.pause_automation(lost.id)
    ails(health.check_automations, "is switched off", "prefect automation resume 'viper: lost machines'")
    client.resume_automation(lost.id)
    nightly = client.read_deployment_by_name("evolve/evolve-shapes")
    client.pause_deployment(nightly.id)
    with pytest.raises(health.Ailing, match="paused, so that nothing starts by itself: evolve-shapes") as found:
        health.check_deployments(client)
    assert str(nightly.id) in found.value.mend
    client.resume_deployment(nightly.id)
    assert [check() for _, check, _ in doctor_checks.of_prefect()][1] == "here"


def test_a_run_that_is_due_says_what_it_waits_for(client: SyncPrefectClient) -> None:
    shapes = client.read_deployment_by_name("evolve/evolve-shapes").id
    other = client.read_deployment_by_name("benchmark/benchmark").id

    def begun(deployment: UUID, name: str) -> UUID:
        run = client.create_flow_run_from_deployment(deployment, name=name)
        return run.id

    def becomes(run: UUID, state: State[Any]) -> None:
        client.set_flow_run_state(run, state, force=True)

    def said() -> dict[str, str]:
        return {one.run: one.why for one in waiting_runs() if one.run in ("first", "second", "third")}

    first = begun(shapes, "first")
    assert said() == {"first": "a worker takes it within seconds"}
    becomes(first, Pending())
    assert said() == {"first": "a worker has taken it, and its process begins"}
    becomes(first, Running())
    begun(shapes, "second")
    begun(other, "third")
    why = said()
    assert why.keys() == {"second", "third"}
    assert why["second"].startswith("'first', Running since ")
    assert why["second"].endswith("and its deployment runs one at a time")
    assert why["third"].endswith("which has the one place of the work pool")
    becomes(first, Completed())
    client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    assert said()["second"] == "the work pool is paused: prefect work-pool resume viper"
    client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
    found = {one.run: one for one in waiting_runs()}["third"]
    assert (found.deployment, 0 <= found.due_s < 600) == ("benchmark", True)


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


@pytest.fixture
def sends_its_log() -> Iterator[None]:
    """As a process of a worker does with the loggers that PREFECT_LOGGING_EXTRA_LOGGERS names."""
    logger, handler = logging.getLogger("viper"), APILogHandler()
    level = logger.level
    logger.setLevel(logging.NOTSET)
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.usefixtures("sends_its_log")
def test_a_log_is_read_step_by_step_and_further_where_it_grows(client: SyncPrefectClient) -> None:
    speaks()
    expected = [
        ("e, rounds 1–2", "The champion is base."),
        ("round 1 of e", "Round 1 begins."),
        ("training csr from base", "reward 0.5"),
        ("paint shard 0", "slow"),
    ]
    log, found = RunLog(client, find_run(client, "e")), list[tuple[str, str]]()
    deadline = time.monotonic() + 60
    while not set(expected) <= set(found) and time.monotonic() < deadline:
        found += [(line.step, line.text) for line in log.new_lines()]
        time.sleep(0.5)
    assert [one for one in found if one in expected] == expected
    assert len(found) == len(set(found)), "an entry was read twice"
    assert log.has_ended()
    assert sorted(log.titles) == ["paint shard 0", "round 1 of e", "training csr from base"]

    def said(step: str) -> list[str]:
        return [line.text for line in RunLog(client, find_run(client, "e, rounds 1–2"), step).new_lines()]

    assert "reward 0.5" in said("TRAINING")
    assert "slow" not in said("TRAINING")
    assert {"Round 1 begins.", "reward 0.5", "slow"} <= set(said("round 1 of"))
    assert "The champion is base." not in said("round 1 of")
    assert find_run(client, str(log.run.id)).id == find_run(client, "").id == log.run.id
    with pytest.raises(ProfileError, match=r"knows no run of 'nobody'. Among its newest are: .*e, rounds 1–2"):
        find_run(client, "nobody")
