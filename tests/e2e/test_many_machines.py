"""A round on all engines at once: shards on Ray's actors, tokens from a vLLM server, trainings in two processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.objects import ObjectStore
from tests.servers import Server
from tests.small import as_arguments
from tests.vllm_servers import vllm_server

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(7200)]

WITHIN_S = 5400
ENGINES = [
    "run.workers=ray",
    *(f"run.{kind}.actors=2" for kind in ("files", "vlm", "painter", "editor")),
    "models.vlm.serving.engine=endpoint",
    "training.rollouts.engine=endpoint",
    "training.launcher=['torchrun','--nproc-per-node=2']",
]
# As few pictures and steps as a gain that is no chance needs.
SIZES = [
    "pool.images_per_round=96",
    "synthesis.shard_images=48",
    "synthesis.critiques=4",
    "filter.seeds=1",
    "filter.min_samples=1",
    "training.stages.csr.steps=4",
    "training.stages.csr.prompts_per_step=8",
    "training.stages.csr.micro_batch=32",
    "training.stages.vop.steps=16",
    "training.stages.vop.prompts_per_step=16",
    "training.stages.vop.micro_batch=64",
    "benchmarks.limit=120",
    "benchmarks.shard_questions=60",
    "benchmarks.suites=['fine_perception','caption_fidelity']",
]
STEPS = [
    *("suite", "hashes", "listing", "pool", "captions", "paintings", "noise", "critiques", "judgements", "unions"),
    *("refinements", "plans", "edits", "operations", "dataset", "training csr", "training vop", "replies", "verdict"),
]
ROLLOUT_BATCHES = 2 + 8
"""Two updates each. Each of the two processes asks for the adapter of each."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    running = vllm_server(tmp_path / "server")
    monkeypatch.setenv("VIPER_VLM_ENDPOINTS", running.page.removesuffix("/v1/models"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


def started(home: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """A command, as typed; what it says is in a file with its first word."""
    environment = {**os.environ, "VIPER_HOME": str(home), "PREFECT_HOME": str(home / "prefect")}
    command = [sys.executable, "-c", "from commands.cli import main; main()", *arguments]
    with (home / arguments[0]).open("wb") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)


def said(home: Path, *arguments: str) -> str:
    status = started(home, *arguments).wait(WITHIN_S)
    output = (home / arguments[0]).read_text()
    assert status == 0, output[-3000:]
    return output


def watched(process: "subprocess.Popen[bytes]", home: Path) -> tuple[list[str], set[str]]:
    """What ``viper status`` tells of a run while it lasts: the names of all steps, and who was at work."""
    steps: list[str] = []
    at_work: set[str] = set()
    while process.poll() is None:
        time.sleep(20)
        status = started(home, "status", "shapes", "--json").wait(WITHIN_S)
        if status != 0:  # it has not begun
            continue
        told: dict[str, Any] = json.loads((home / "status").read_text())
        steps = list(told["next"]["steps"]) if told["next"] else steps
        at_work |= {" ".join(one["doing"].split()[:2]) for one in told["running"]}
    return steps, at_work


def left_of(home: Path) -> list[psutil.Process]:
    """The processes that a command has left behind, by what it gave them to their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("VIPER_HOME") == str(home):
                found.append(process)
        except psutil.Error:  # it ended meanwhile, or is another user's
            continue
    return found


def test_a_round_on_actors_servers_and_two_processes_ends_in_a_champion(tmp_path: Path, server: Server) -> None:
    (home := tmp_path / "home").mkdir()
    run = started(home, "evolve", *as_arguments([*SIZES, *ENGINES]))
    try:
        steps, at_work = watched(run, home)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C, if the test ends before it
    output = (home / "evolve").read_text()
    print(output)
    assert run.wait() == 0, output[-3000:]
    assert steps == STEPS
    assert {"vlm actors", "training csr", "training vop"} <= at_work

    # Shards were on actors, at most two of a kind at a time.
    for kind in ("files", "vlm", "painter", "editor"):
        assert len(set(re.findall(rf"{kind} actor: process (\d+)", output))) >= 2, kind
    # Both processes had servers sample, and what was learned is the same file for both.
    log = (server.folder / "vllm.log").read_text()
    assert log.count('"POST /v1/load_lora_adapter HTTP/1.1" 200') >= ROLLOUT_BATCHES
    store = ObjectStore(str(home / "store"))
    for stage in ("csr", "vop"):
        key = max(store.list(f"evolutions/shapes/rounds/0001/checkpoints/{stage}"))
        ref = store.find(key)
        assert ref is not None
        random = {f"rng_state_{rank}.pth.safetensors" for rank in range(2)}
        assert random <= set(store.manifest(ref).entries)

    assert "Round 1: promote. Sees better than the champion" in output
    assert "finished: promote" in said(home, "status")
    champion = json.loads(said(home, "champion", "show", "--json"))
    assert champion["champion"]["name"] != "base"
    told = said(home, "benchmark", "--model", champion["key"], *as_arguments([*ENGINES, *SIZES[-3:]]))
    means = re.search(r"│ mean +│ +([\d.]+) │ +([\d.]+) │", told)
    assert means is not None, told
    base, own = map(float, means.groups())
    assert own > base
    with urllib.request.urlopen(server.page) as answer:
        assert len(json.load(answer)["data"]) == 1  # all adapters are out of it
    psutil.wait_procs(left_of(home), timeout=60)
    assert left_of(home) == []
