"""Kills rounds as planned, resumes them, and compares what they end in with a round that nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.maintenance import Damage, verify
from storage.objects import ObjectStore
from tests.kill.plan import Kill
from tests.servers import BUCKET, Server
from tests.small import SMALL, as_arguments
from viper.records import RoundResult

VICTIM = Path(__file__).with_name("victim.py")
RUN_WITHIN_S = 3600
ATTEMPTS = 4
"""Resumes without a kill of their own, after which a round has failed: a server may be away for longer than a retry."""


@dataclass
class Broken:
    """What became of one round that was killed."""

    kills: list[Kill] = field(default_factory=list)
    """Those that came to pass: a place that an earlier kill left behind is not visited again."""
    resumes: int = 0
    events: list[list[dict[str, Any]]] = field(default_factory=list)
    """What each process tree noted, run by run."""
    hashes: dict[str, str] = field(default_factory=dict)
    damage: list[Damage] = field(default_factory=list)
    """What of the store could not be trusted in the end."""


class World:
    """A home for rounds, and the servers they use; without servers they use a folder and SQLite."""

    def __init__(self, folder: Path, servers: dict[str, Server], shared_store: str = "") -> None:
        self.folder, self.servers, self.shared_store = folder, servers, shared_store

    def store_root(self, home: Path) -> str:
        """Each home has a store of its own, unless all share one."""
        if self.shared_store:
            return self.shared_store
        return f"s3://{BUCKET}/{home.name}" if "s3" in self.servers else str(home / "store")

    def environment(self, home: Path) -> dict[str, str]:
        """Where a round keeps things, and its servers."""
        found = {
            "VIPER_HOME": str(home),
            "VIPER_STORE": self.store_root(home),
            "VIPER_COMMIT": "tests",
            "PREFECT_HOME": str(home / "prefect"),
            "PYTHONPATH": os.pathsep.join([str(VICTIM.parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
        if "mlflow" in self.servers:
            found["MLFLOW_TRACKING_URI"] = self.servers["mlflow"].page.removesuffix("/health")
        if "prefect" in self.servers:
            found["PREFECT_API_URL"] = self.servers["prefect"].page.removesuffix("/health")
        return found

    def run(
        self, home: Path, arguments: list[str], kills: Sequence[Kill] = (), **more: str
    ) -> tuple[int, str, list[dict[str, Any]]]:
        """Run ``viper`` under a plan. Returns its status, what it printed, and what its processes noted."""
        home.mkdir(parents=True, exist_ok=True)
        log = home / "kills.jsonl"
        log.write_text("")
        servers = {name: str(server.pid_file) for name, server in self.servers.items()}
        plan = json.dumps([kill.as_plan(servers.get(kill.target, "")) for kill in kills])
        # To a file: what a killed run leaves behind would hold a pipe open.
        printed = home / "output.txt"
        with printed.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(VICTIM), "viper", *arguments],
                env={**os.environ, **self.environment(home), **more, "KILL_PLAN": plan, "KILL_LOG": str(log)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                process.wait(timeout=RUN_WITHIN_S)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        events = [json.loads(line) for line in log.read_text().splitlines()]
        return process.returncode, printed.read_text(errors="replace"), events

    def evolve(self, home: Path, kills: Sequence[Kill] = (), *changes: str) -> tuple[int, str, list[dict[str, Any]]]:
        """Start a small round, with the victim as the launcher of its trainings."""
        launcher = f"training.launcher=['python', '{VICTIM}']"
        return self.run(home, ["evolve", *as_arguments([*SMALL, launcher, *changes])], kills)

    def hashes(self, home: Path, evolution: str = "shapes") -> dict[str, str]:
        """Of everything that a round ends in: rows, weights, replies, verdict."""
        store = ObjectStore(self.store_root(home))
        ref = store.find(f"evolutions/{evolution}/rounds/0001/verdict")
        assert ref is not None
        result = RoundResult.model_validate_json(store.read(ref, "round.json"))
        found = {f"dataset {stage}": version.sha256 for stage, version in result.datasets.items()}
        found["verdict"] = result.verdict.model_dump_json()
        for step in ("model", "replies"):
            for key in store.list(f"results/{step}"):
                ref = store.find(key)
                assert ref is not None
                found[key] = ref.sha256
        return found

    @contextmanager
    def reviving(self, seed: int) -> Iterator[None]:
        """Servers that die inside this context come back after a few seconds."""
        random_, ended = random.Random(seed), threading.Event()

        def revive() -> None:
            while not ended.wait(0.2):
                for server in self.servers.values():
                    if server.process is not None and server.process.poll() is not None:
                        time.sleep(random_.uniform(0, 8))
                        server.kill()
                        server.start()

        thread = threading.Thread(target=revive, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def break_round(world: World, home: Path, kills: Sequence[Kill]) -> Broken:
    """Start a round, kill it at each place in turn, resume it each time, and let it end."""
    broken = Broken()
    status, left = -1, list(kills)
    for attempt in range(len(kills) + ATTEMPTS):
        planned = _until_the_run_ends(left)
        if attempt == 0:
            status, output, events = world.evolve(home, planned)
        else:
            status, output, events = world.run(home, ["resume", "shapes"], planned)
            broken.resumes += 1
        broken.events.append(events)
        places = {event["place"] for event in events if event["event"] == "kill"}
        broken.kills += [kill for kill in planned if kill.place in places]
        left = left[len(planned) :]
        if status == 0:
            break  # places that were not reached lie behind
    assert status == 0, output
    broken.hashes = world.hashes(home)
    broken.damage = list(verify(ObjectStore(world.store_root(home))))
    return broken


def _until_the_run_ends(kills: Sequence[Kill]) -> list[Kill]:
    """The kills of the next run: of servers, and then one that ends it."""
    for number, kill in enumerate(kills):
        if kill.ends_the_run:
            return list(kills[: number + 1])
    return list(kills)
