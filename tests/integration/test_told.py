"""What a run says of itself, and who is told, on a real Prefect server and a real receiver of webhooks.

The runs are those of deployments, as a worker would begin them, but in this process.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.states import Completed, Crashed

from flows.alerts import keep_alerts
from flows.approval import resume_waiting
from flows.benchmark import benchmark
from flows.crash import say_why_it_crashed
from flows.evolve import evolve
from flows.schedule import refuse_after_failures
from flows.start import open_store
from storage.ledger.approvals import approval_of
from tasks.approval import question_of
from tests.loop import cut_for
from tests.prefect_runs import Deployed, message, page_of, prefect_client
from tests.receiver import Receiver, receiving
from tests.small_flows import BASE, CANDIDATE, PROMOTE, asks, ends
from viper.errors import ApprovalNeeded
from viper.records import Approval

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]

SECRET = "token-that-nobody-may-see"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncPrefectClient]:
    with prefect_client(tmp_path_factory.mktemp("server")) as client:
        yield client


@pytest.fixture
def receiver(client: SyncPrefectClient) -> Iterator[Receiver]:
    with receiving() as receiver:
        CustomWebhookNotificationBlock(
            name="team",
            url=f"{receiver.url}/{{{{token}}}}",
            json_data={"title": "{{subject}}", "text": "{{body}}"},
            secrets={"token": SECRET},
        ).save("team", overwrite=True)
        yield receiver


def settings(*changes: str) -> dict[str, Any]:
    notify = ["notify.block=custom-webhook/team", "notify.on=['failed', 'collapse', 'approval', 'crashed']"]
    found: dict[str, Any] = cut_for(*notify, *changes).settings.model_dump(mode="json")
    return found


def test_three_failures_are_told_and_the_third_pauses_the_schedule(
    client: SyncPrefectClient, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    deployed = Deployed(client, evolve, "fails")
    wrong = settings("pool.uri='./nowhere'")
    first = deployed.go_on(deployed.begin(settings=wrong))
    assert first.name == "evolve shapes"
    assert message(first).startswith("There is no folder ./nowhere for the pool. Expected a folder with files")
    assert message(first).endswith(
        "What is finished is kept: press Retry on the page of this run, or type `viper resume shapes`."
    )
    ((path, body),) = receiver.came
    assert path == f"/{SECRET}"
    told = json.loads(body)
    assert told["title"] == "ViPER Loop: failed"
    assert told["text"] == f"evolve shapes: {message(first)} {page_of(client, first)}"
    assert "\n" not in told["text"]

    # A server that refuses the message, and a block that is not there: the run fails for its own reason, and says both.
    receiver.status = 403
    second = deployed.go_on(deployed.begin(settings=wrong))
    assert "There is no folder" in message(second)
    assert (
        "Nobody was told: the block 'custom-webhook/team' could not send (it was answered with status 403)"
        in message(second)
    )
    assert not deployed.paused

    third = deployed.go_on(deployed.begin(settings={**wrong, "notify": {"block": "slack-webhook/none"}}))
    assert "Nobody was told: this Prefect server has no block 'slack-webhook/none'" in message(third)
    assert deployed.paused
    assert (
        "Its schedule is paused: 3 runs in a row failed or crashed. When the cause is gone, switch the deployment"
        in message(third)
    )

    # A person who switches it on begins a new count.
    deployed.switch_on()
    fourth = deployed.go_on(deployed.begin(settings=wrong))
    assert "paused" not in message(fourth)
    assert not deployed.paused
    said = capfd.readouterr()
    logged = json.dumps([entry.model_dump(mode="json") for entry in client.read_logs()])
    states = json.dumps([run.state.model_dump(mode="json") for run in (first, second, third, fourth) if run.state])
    assert SECRET not in said.out + said.err + logged + states


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ({"profile": "shape"}, "There is no profile 'shape'. Did you mean 'shapes'?"),
        ({"settings": {"name": "x"}}, "the settings of the run: 'world' is missing."),
        ({"rounds": 0}, "rounds is 0; expected at least 1"),
    ],
)
def test_parameters_that_are_wrong_are_said_in_the_words_of_a_profile(
    client: SyncPrefectClient, parameters: dict[str, Any], cause: str
) -> None:
    run = client.create_flow_run(evolve, parameters=parameters)
    run_flow(evolve, flow_run=run, return_type="state")
    said = message(client.read_flow_run(run.id))
    assert cause in said
    assert "What is finished is kept: type `viper resume" in said


def test_a_benchmark_that_fails_says_why(client: SyncPrefectClient) -> None:
    run = client.create_flow_run(benchmark, parameters={"profile": "shape"})
    run_flow(benchmark, flow_run=run, return_type="state")
    assert message(client.read_flow_run(run.id)).startswith("There is no profile 'shape'. Did you mean 'shapes'?")


def test_runs_that_crash_in_a_row_keep_their_schedule_from_starting_more(client: SyncPrefectClient) -> None:
    deployed = Deployed(client, evolve, "crashes")
    for _ in range(3):
        client.set_flow_run_state(deployed.begin(), Crashed(message="lost"), force=True)
    run = client.read_flow_run(deployed.begin())
    assert refuse_after_failures(run) == "", "a person started it"
    scheduled = run.model_copy(update={"auto_scheduled": True})
    assert "the 3 runs before this one failed or crashed" in refuse_after_failures(scheduled)
    assert deployed.paused
    deployed.switch_on()
    client.set_flow_run_state(deployed.begin(), Completed(), force=True)
    assert refuse_after_failures(scheduled) == ""


@pytest.mark.parametrize(
    ("prefect_said", "cause"),
    [
        ("Process exited with status code: -9. Process exited due to a SIGKILL signal.", "the system killed it"),
        ("Execution was aborted by a termination signal.", "its worker or its machine was shut down"),
        ("Process exited with status code: 1. Process exited with a general error.", "it ended with 1 before it could"),
        ("Flow run could not start: [Errno 2] python", "its worker could not start it"),
    ],
)
def test_a_crash_says_its_cause_once(client: SyncPrefectClient, prefect_said: str, cause: str) -> None:
    run = client.create_flow_run(evolve)
    state = Crashed(message=prefect_said)
    client.set_flow_run_state(run.id, state, force=True)
    for _ in range(2):  # the worker reports a crash twice
        say_why_it_crashed(flow=evolve, flow_run=run, state=state)
    ended = client.read_flow_run(run.id)
    assert ended.state_name == "Crashed"
    assert message(ended).startswith(f"The process of the run is gone: {cause}")
    assert message(ended).count("What is finished is kept: press Retry") == 1
    assert "status code" not in message(ended)


def test_a_crash_is_told_by_the_server_once_and_a_part_of_a_run_is_not(
    client: SyncPrefectClient, receiver: Receiver
) -> None:
    deployed = Deployed(client, evolve, "lost", {"settings": settings()})
    Deployed(client, evolve, "silent", {"profile": "shapes"})
    for _ in range(2):
        assert "automation 'viper: tell custom-webhook/team of crashes'" in keep_alerts(client)
    assert len(client.read_automations_by_name("viper: tell custom-webhook/team of crashes")) == 1
    run, part = deployed.begin(), client.create_flow_run(evolve)
    time.sleep(10)  # the server reads its automations anew every few seconds
    for one in (part.id, run, run):
        client.set_flow_run_state(one, Crashed(message="lost"), force=True)
    deadline = time.monotonic() + 120
    while not receiver.came:
        assert time.monotonic() < deadline, "nobody was told"
        time.sleep(0.5)
    time.sleep(5)
    ((_, body),) = receiver.came
    told = json.loads(body)["text"]
    name = client.read_flow_run(run).name
    assert told.startswith(f"{name} crashed: its process or its machine is gone. What is finished is kept: press Retry")
    assert told.endswith(f" {page_of(client, client.read_flow_run(run))}")

    client.delete_deployment(deployed.id)
    keep_alerts(client)
    assert not client.read_automations_by_name("viper: tell custom-webhook/team of crashes")


def test_a_candidate_is_approved_or_rejected_in_the_ui_or_by_command(
    client: SyncPrefectClient,
    receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    question = question_of(BASE, CANDIDATE, PROMOTE)
    deployed = Deployed(client, asks, "asks")
    for number, decision in enumerate(("approve", "reject", "by command")):
        monkeypatch.setenv("VIPER_STORE", str(tmp_path_factory.mktemp("store")))
        waiting = deployed.go_on(deployed.begin())
        assert waiting.state_name == "Suspended"
        assert "viper champion approve shapes --reason TEXT (or reject). Sees better" in message(waiting)
        assert "press Resume" in message(waiting)
        assert [json.loads(body)["title"] for _, body in receiver.came] == ["ViPER Loop: approval"] * (number + 1)
        # Another run, as of the next night, does not wait beside it, and asks nobody a second time.
        second = deployed.go_on(deployed.begin())
        assert second.state_name == "Cancelled"
        assert "Another run waits for the same answer" in message(second)

        if decision == "by command":
            assert resume_waiting(question, Approval(approved=True, reason="Seen.")) == [waiting.name]
        else:
            assert client.resume_flow_run(waiting.id, run_input={"decision": decision}).status.value == "REJECT"
            answer = {"decision": decision, "reason": "Seen."}
            assert client.resume_flow_run(waiting.id, run_input=answer).status.value == "ACCEPT"
        ended = deployed.go_on(waiting.id)
        assert ended.state_name == "Completed"
        approval = approval_of(open_store(), "shapes", 1, question)
        assert approval == Approval(approved=decision != "reject", reason="Seen.")
        said = (
            "Approved by a person: “Seen.”"
            if approval.approved
            else "Rejected by a person: “Seen.” The gate would have promoted it"
        )
        assert said in message(ended)
        # The ledger answers every run after that.
        assert deployed.go_on(deployed.begin()).state_name == "Completed"


def test_the_end_of_a_run_says_every_verdict_and_tells_what_is_wanted(
    client: SyncPrefectClient, receiver: Receiver
) -> None:
    deployed = Deployed(client, ends, "ends")
    block = {"block": "custom-webhook/team"}

    def end(decision: str, first: int, last: int, **notify: Any) -> FlowRun:
        profile = json.dumps({**block, **notify})
        return deployed.go_on(deployed.begin(profile=profile, decision=decision, first=first, last=last))

    several = end("promote", 2, 3)
    assert several.name == "e, rounds 2–3"
    assert message(several) == "Round 2: promoted. Reason 2. Round 3: promoted. Reason 3."
    refused = end("keep champion", 3, 3, on=["refused"])
    assert refused.name == "e, round 3"
    assert message(refused) == "Round 3: refused. Reason 3."
    assert message(end("promote", 4, 3)) == (
        "Nothing to do: all rounds were finished before. Round 3: promoted. Reason 3."
    )
    assert not deployed.paused

    collapsed = end("collapse", 3, 3)
    assert collapsed.state_name == "Completed"
    assert deployed.paused
    assert "Round 3: collapsed. Reason 3. The champion stays, and the evolution stops here" in message(collapsed)
    assert "Its schedule is paused: round 3 collapsed. When the cause is gone, switch the deployment 'ends' on" in (
        message(collapsed)
    )
    told = [json.loads(body)["text"] for _, body in receiver.came]
    assert told == [
        f"e, round 3: {message(refused)} {page_of(client, refused)}",
        f"e, round 3: {message(collapsed)} {page_of(client, collapsed)}",
    ]


def test_a_run_without_a_deployment_ends_and_says_how_to_decide(
    client: SyncPrefectClient, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIPER_STORE", str(tmp_path_factory.mktemp("store")))
    with pytest.raises(ApprovalNeeded, match="viper champion approve shapes"):
        asks()
