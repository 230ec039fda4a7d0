"""A retry by Prefect, a killed worker, a lost machine: finished steps are reused, and the hashes are the same."""

import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.deployed import Deployed, api
from tests.kill.harness import World
from tests.servers import prefect_server
from tests.small import SMALL, as_arguments
from viper.profiles import load_profile, override

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(3600)]

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


WAITS = [
    *(one for one in SMALL if not one.startswith(("training.stages", "benchmarks", "gate"))),
    "training.stages=[{lessons=['vop'], objective='grpo', steps=4, prompts_per_step=8, generations=8, micro_batch=64, "
    "updates_per_batch=2, learning_rate=2e-3, warmup_steps=1, max_completion_tokens=56, checkpoint_steps=4}]",
    "benchmarks.suites=['fine_perception']",
    "benchmarks.limit=60",
    "gate.confidence=0.5",
    "gate.min_changed=1",
    "gate.margin_points=100.0",
    "gate.approval=true",
]
"""A small round that gains a little, at a gate that lets that pass and asks a person."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    server = prefect_server(tmp_path / "server")
    server.start()
    yield World(tmp_path, {"prefect": server})
    server.kill()


def test_a_retry_by_prefect_and_a_resume_end_in_the_same_hashes(tmp_path: Path, world: World) -> None:
    launcher = tmp_path / "fails-once.py"
    launcher.write_text(FAILS_ONCE)
    changes = [*SMALL, f"training.launcher=['python', '{launcher}']"]
    retried, resumed = tmp_path / "retried", tmp_path / "resumed"
    deployed = Deployed(world, retried)
    try:
        run = deployed.start_run(changes)
        failed = deployed.wait_for(run, "FAILED")
        assert failed["name"] == "shapes, round 1"
        assert "What is finished is kept: press Retry on the page of this run" in failed["state"]["message"]
        deployed.retry(run)
        ended = deployed.wait_for(run, "COMPLETED")
        assert (ended["name"], ended["run_count"]) == ("shapes, round 1", 2)
        assert ended["state"]["message"].startswith("Round 1: ")
    finally:
        deployed.kill_worker(with_runs=True)
    tasks = api(f"{deployed.url}/task_runs/filter", {"limit": 200})
    assert any(task["state_name"] == "Reused" for task in tasks)
    logged = api(f"{deployed.url}/logs/filter", {"limit": 200, "sort": "TIMESTAMP_ASC"})
    assert any(re.fullmatch(r"base captions shard 0: .* kB", entry["message"]) for entry in logged)

    status, output, _ = world.run(resumed, ["evolve", *as_arguments(changes)])
    assert status == 1, output
    status, output, _ = world.run(resumed, ["resume"])
    assert status == 0, output
    assert "done before, reused" in output
    assert world.hashes(retried) == world.hashes(resumed)
    # What the worker ran was asked for as well: a resume after it finds it finished.
    status, output, _ = world.run(retried, ["status"])
    assert status == 0, output
    assert "Resume     skips all rounds" in output


def test_a_killed_worker_costs_at_most_a_resume(tmp_path: Path, world: World) -> None:
    status, output, _ = world.run(tmp_path / "whole", ["evolve", *as_arguments(SMALL)])
    assert status == 0, output
    expected = world.hashes(tmp_path / "whole")

    deployed = Deployed(world, tmp_path / "orphan")
    try:
        run = deployed.start_run(SMALL)
        deployed.wait_for_step("captions")
        deployed.kill_worker(with_runs=False)
        deployed.start_worker()
        # The run loses the pipe that it prints to, and crashes as soon as it prints.
        deployed.wait_for(run, "CRASHED")
        deployed.retry(run)
        deployed.wait_for(run, "COMPLETED")
    finally:
        deployed.kill_worker(with_runs=True)
    assert world.hashes(tmp_path / "orphan") == expected

    deployed = Deployed(world, tmp_path / "lost")
    try:
        deployed.start_run(SMALL)
        deployed.wait_for_step("captions")
    finally:
        deployed.kill_worker(with_runs=True)
    status, output, _ = world.run(tmp_path / "lost", ["status"])
    assert "nothing gives a sign of life" in output
    status, output, _ = world.run(tmp_path / "lost", ["resume"])
    assert status == 0, output
    assert "done before, reused" in output
    assert world.hashes(tmp_path / "lost") == expected


def test_a_lost_machine_frees_the_schedule_and_its_retry_ends_in_the_same_hashes(tmp_path: Path, world: World) -> None:
    status, output, _ = world.run(tmp_path / "whole", ["evolve", *as_arguments(SMALL)])
    assert status == 0, output
    deployed = Deployed(world, tmp_path / "lost")
    try:
        run = deployed.start_run(SMALL)
        deployed.wait_for_training()
        deployed.kill_worker(with_runs=True)
        killed = time.monotonic()
        deployed.start_worker()
        following = deployed.start_run([*SMALL, "pool.uri='no-such-folder'"])
        assert "No sign of life" in deployed.wait_for(run, "CRASHED")["state"]["message"]
        print(f"crashed {time.monotonic() - killed:.0f} s after the machine was lost")
        assert time.monotonic() - killed < 300
        # The slot is free: the next run starts, and says what is wrong with what was asked of it.
        assert "no-such-folder" in deployed.wait_for(following, "FAILED")["state"]["message"]
        deployed.retry(run)
        deployed.wait_for(run, "COMPLETED")
    finally:
        deployed.kill_worker(with_runs=True)
    assert world.hashes(tmp_path / "lost") == world.hashes(tmp_path / "whole")


def test_three_missed_nights_are_one_run(tmp_path: Path, world: World) -> None:
    deployed = Deployed(world, tmp_path / "late")
    deployed.kill_worker(with_runs=True)
    settings = override(load_profile("shapes"), [*SMALL, "pool.uri='no-such-folder'"]).model_dump(mode="json")
    parameters = {"settings": settings, "rounds": 1, "additional": True}
    api(f"{deployed.url}/deployments/{deployed.nightly}", {"parameters": parameters}, "PATCH")
    now = datetime.now(UTC)
    nights = {"start_time": (now - timedelta(days=3)).isoformat(), "end_time": now.isoformat(), "min_runs": 3}
    api(f"{deployed.url}/deployments/{deployed.nightly}/schedule", nights)
    assert len(deployed.due(now)) == 3
    deployed.start_worker()
    try:
        deadline = time.monotonic() + 600
        while any(run["state_type"] in {"SCHEDULED", "PENDING", "RUNNING"} for run in deployed.due(now)):
            assert time.monotonic() < deadline
            time.sleep(2)
    finally:
        deployed.kill_worker(with_runs=True)
    ended = deployed.due(now)
    assert sorted(run["state_name"] for run in ended) == ["Failed", "Skipped", "Skipped"]
    (begun,) = [run["name"] for run in ended if run["state_name"] == "Failed"]
    assert all(f"the run '{begun}' stands for it" in run["state"]["message"] for run in ended if run["name"] != begun)


def test_a_process_that_is_killed_says_so_and_its_retry_ends_in_the_same_hashes(tmp_path: Path, world: World) -> None:
    status, output, _ = world.run(tmp_path / "whole", ["evolve", *as_arguments(SMALL)])
    assert status == 0, output
    deployed = Deployed(world, tmp_path / "killed")
    try:
        run = deployed.start_run(SMALL)
        deployed.wait_for_step("captions")
        for process in deployed.worker.children(recursive=True):
            if run in process.environ().get("PREFECT__FLOW_RUN_ID", ""):
                process.kill()
        deployed.wait_for(run, "CRASHED")
        deadline = time.monotonic() + 300
        while "The process of the run is gone: the system killed it" not in (said := deployed.message(run)):
            assert time.monotonic() < deadline, said
            time.sleep(1)
        time.sleep(10)  # the worker reports the crash a second time
        assert deployed.message(run) == said
        deployed.retry(run)
        deployed.wait_for(run, "COMPLETED")
    finally:
        deployed.kill_worker(with_runs=True)
    assert world.hashes(tmp_path / "killed") == world.hashes(tmp_path / "whole")


def test_a_candidate_waits_for_approval_through_restarts_and_nothing_is_done_or_asked_twice(
    tmp_path: Path, world: World
) -> None:
    alone = tmp_path / "alone"
    status, output, _ = world.run(alone, ["evolve", *as_arguments(WAITS)])
    assert status == 3, output
    assert "Round 1 waits for approval: viper champion approve shapes --reason TEXT (or reject)." in output
    assert "Continue after the decision with: viper resume shapes" in output
    shutil.copytree(alone, tmp_path / "rejected")
    status, output, _ = world.run(alone, ["resume"])
    assert status == 3, "nobody has decided yet"
    assert "Waiting    Round 1 waits for approval" in world.run(alone, ["status"])[1]
    status, output, _ = world.run(alone, ["champion", "approve", "--reason", "Seen."])
    assert status == 0, output
    assert "Continue with: viper resume shapes" in output
    status, output, _ = world.run(alone, ["champion", "reject", "--reason", "No."])
    assert (status, "Nothing waits for approval" in output) == (2, True), output
    status, output, _ = world.run(alone, ["resume"])
    assert status == 0, output
    assert "step 4 of 4" not in output, "something was trained again"
    assert "Approved by a person: “Seen.”" in world.run(alone, ["champion", "history"])[1]

    rejected = tmp_path / "rejected"
    assert world.run(rejected, ["champion", "reject", "--reason", "Says teal too often."])[0] == 0
    status, output, _ = world.run(rejected, ["resume"])
    assert status == 0, output
    assert "Rejected by a person: “Says teal too often.” The gate would have promoted it" in " ".join(output.split())
    assert "Champion   base" in world.run(rejected, ["status"])[1]

    deployed = Deployed(world, tmp_path / "deployed")
    try:
        run = deployed.start_run(WAITS)
        suspended = deployed.wait_for(run, "PAUSED")
        assert "waits for approval: viper champion approve shapes" in suspended["state"]["message"]
        # The worker and the server go, and come back.
        deployed.kill_worker(with_runs=True)
        world.servers["prefect"].kill()
        world.servers["prefect"].start()
        deployed.start_worker()
        status, output, _ = world.run(tmp_path / "deployed", ["champion", "approve", "--reason", "Seen."])
        assert status == 0, output
        assert "The run 'shapes, round 1' goes on." in output
        ended = deployed.wait_for(run, "COMPLETED")
        assert ended["state"]["message"].endswith("Approved by a person: “Seen.”")
    finally:
        deployed.kill_worker(with_runs=True)
    assert world.hashes(tmp_path / "deployed") == world.hashes(alone)
