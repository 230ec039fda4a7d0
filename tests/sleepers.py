"""Steps over shards that sleep, or end their process: what a runner does around them is all that there is to see."""

import os
import signal
import time
from pathlib import Path

from tasks.step import Inputs, Made, step
from tasks.worker import Worker


class Nap(Inputs):
    """A shard that takes a while."""

    number: int
    seconds: float
    notes: str
    """Folder in which every process that begins the shard leaves a file."""
    fatal: int = 0
    """So many processes that begin it are killed."""

    @property
    def title(self) -> str:
        return f"nap {self.number}"


@step("naps", 1, items=lambda inputs, store: 10)
def nap(inputs: Nap, worker: Worker) -> Made:
    folder = Path(inputs.notes)
    begun = len(list(folder.glob(f"{inputs.number}-*")))
    (folder / f"{inputs.number}-{os.getpid()}").touch()
    if begun < inputs.fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(inputs.seconds)
    return Made({"nap.txt": str(inputs.number).encode()})
