"""The plan of the embedded round against the round itself: time within 20 %, memory of every phase within 15 %.

Both run on the same machine, one after the other. Where other work shares its cores, times differ by more than that by
themselves, so their comparison is left out, with a word, if either ran beside a load.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from flows.plan.rates import MEASURED
from flows.plan.records import Plan
from storage.ledger.rounds import finished_round
from storage.objects import ObjectStore
from viper.records import RoundResult

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(7_200)]

STEPS = {
    "captions": "captions",
    "paintings": "paint shard",
    "critiques": "critique shard",
    "judgements": "judge corrections",
    "edits": "edit shard",
    "training csr": "training csr",
    "training vop": "training vop",
    "replies": "answers",
}
"""What the log calls the steps of each phase."""
BUSY = 1.5
"""Load of a machine that does something else, too."""


@pytest.fixture(scope="module")
def planned_and_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, RoundResult, dict[str, int], float]:
    """The plan after a measurement, the round, its peaks by phase in bytes, and the load meanwhile."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIPER_HOME", str(home))
        loads = [os.getloadavg()[0]]
        code = "from commands.cli import main; main()"
        command = [sys.executable, "-c", code, "plan", "--profile", "shapes", "--measure", "--json"]
        plan = Plan.model_validate_json(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        peaks = run_watched(home, loads)
        result = finished_round(ObjectStore(str(home / "store")), "shapes", 1)
    assert result is not None
    return plan, result, peaks, sum(loads) / len(loads)


def run_watched(home: Path, loads: list[float]) -> dict[str, int]:
    """Run the round in a process of its own; the most that it, or its training process, held in each phase."""
    command = [sys.executable, "-c", "from commands.cli import main; main()", "evolve", "--profile", "shapes"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    looked: list[tuple[float, int, int]] = []
    over = threading.Event()

    def look() -> None:
        me = psutil.Process(process.pid)
        while not over.wait(0.1):
            try:
                training = [one for one in me.children(recursive=True) if "tasks.training_process" in one.cmdline()]
                held = max((one.memory_info().rss for one in training), default=0)
                looked.append((time.monotonic(), me.memory_info().rss, held))
                loads.append(os.getloadavg()[0])
            except psutil.Error:
                continue

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    peaks, before = dict.fromkeys(STEPS, 0), time.monotonic()
    assert process.stderr is not None
    for line in process.stderr:
        if not line.rstrip().endswith(" kB"):
            continue
        now = time.monotonic()
        for phase, words in STEPS.items():
            if words in line and not (phase == "captions" and "answers" in line):
                column = 2 if phase.startswith("training") else 1
                during = [row[column] for row in looked if before <= row[0] <= now]
                peaks[phase] = max([peaks[phase], *during])
        before = now
    process.stderr.close()
    assert process.wait() == 0, json.dumps(peaks)
    over.set()
    thread.join()
    return peaks


def test_the_peak_of_every_phase_is_within_15_percent(
    planned_and_run: tuple[Plan, RoundResult, dict[str, int], float],
) -> None:
    plan, _, peaks, _ = planned_and_run
    told = {phase.name: phase.parts.total for phase in plan.phases}
    apart = {name: f"{told[name] / 2**20:.0f} for {peak / 2**20:.0f} MiB" for name, peak in peaks.items()}
    print(apart)
    assert all(told[name] == pytest.approx(peak, rel=0.15) for name, peak in peaks.items()), apart


def test_the_time_of_the_round_is_within_20_percent(
    planned_and_run: tuple[Plan, RoundResult, dict[str, int], float],
) -> None:
    plan, result, _, load = planned_and_run
    assert {line.source for line in plan.lines} == {MEASURED}
    took = sum(spent for _, spent in result.seconds)
    print(f"planned {plan.seconds:.0f} s, took {took:.0f} s at a load of {load:.1f}")
    if load > BUSY:
        pytest.skip(f"the machine had a load of {load:.1f}: planned {plan.seconds:.0f} s, took {took:.0f} s")
    assert plan.seconds == pytest.approx(took, rel=0.2)
