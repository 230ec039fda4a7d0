"""A run whose shards are naps, on the cluster of ``RAY_ADDRESS``.

python -m tests.kill.ray_driver STORE NOTES SHARDS
"""

import sys
from pathlib import Path

from viper.environment import prepare_environment


def main(root: str, notes: str, shards: str) -> None:
    prepare_environment()
    from prefect import Flow

    from flows.ray_runner import Crews, RayRunner
    from flows.runner import Runner, gather
    from storage.objects import ObjectStore
    from tasks.worker import Worker
    from tests.loop import cut_for
    from tests.sleepers import Nap, nap

    cut = cut_for("run.workers=ray", "run.files.actors=2")
    worker = Worker(ObjectStore(root), cut.machine())
    worker.store.probe()
    Path(notes).mkdir(exist_ok=True)
    runner = RayRunner(worker, Crews(worker, cut.settings))

    def walk(runner: Runner) -> int:
        return len(gather([runner.submit(nap, Nap(number=n, seconds=3, notes=notes)) for n in range(int(shards))]))

    Flow(lambda: runner.group("naps", walk), name="naps")()


if __name__ == "__main__":
    main(*sys.argv[1:])
