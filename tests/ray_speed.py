"""What the Ray runner itself takes, on shards that sleep: ``python -m tests.ray_speed --actors 1 4 8``.

For each number of actors: seconds until the first shard began, seconds from then to the end of the last, how many times
as fast as with the first number, and the share of an actor's time from first to last shard in which it had none.
"""

import argparse
import tempfile
import time
from pathlib import Path

from viper.environment import prepare_environment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5, help="that a shard sleeps")
    asked = parser.parse_args()
    prepare_environment()
    alone = 0.0
    for actors in asked.actors:
        with tempfile.TemporaryDirectory(prefix="viper-speed-") as folder:
            waited, took, idle = measured(Path(folder), actors, asked.shards, asked.seconds)
        alone = alone or took
        print(f"{actors} actor(s): began after {waited:.1f} s, {took:.1f} s, {alone / took:.2f} times, idle {idle:.2%}")


def measured(folder: Path, actors: int, shards: int, seconds: float) -> tuple[float, float, float]:
    from prefect import Flow

    from flows.ray_runner import Crews, RayRunner
    from flows.runner import Runner, gather
    from storage.objects import ObjectStore
    from tasks.worker import Worker
    from tests.loop import cut_for
    from tests.sleepers import Nap, nap

    cut = cut_for("run.workers=ray", f"run.files.actors={actors}", "run.files.cpus=0.1")
    worker = Worker(ObjectStore(str(folder / "store")), cut.machine())
    worker.store.probe()
    (notes := folder / "notes").mkdir()
    runner = RayRunner(worker, Crews(worker, cut.settings))
    asked = [Nap(number=number, seconds=seconds, notes=str(notes)) for number in range(shards)]

    def naps(runner: Runner) -> int:
        return len(gather([runner.submit(nap, one) for one in asked]))

    began = time.time()
    Flow(lambda: runner.group("naps", naps), name="naps")()
    runner.release()
    times: dict[str, list[tuple[float, float]]] = {}
    for note in notes.iterdir():
        first, last = map(float, note.read_text().split())
        times.setdefault(note.name.partition("-")[2], []).append((first, last))
    spans = [one for each in times.values() for one in each]
    at_work = sum(last - first for first, last in spans)
    there = sum(max(last for _, last in each) - min(first for first, _ in each) for each in times.values())
    start, end = min(first for first, _ in spans), max(last for _, last in spans)
    return start - began, end - start, 1 - at_work / there


if __name__ == "__main__":
    main()
