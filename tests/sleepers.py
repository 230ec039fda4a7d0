"""Steps over shards that sleep, or end their process: what a runner does around them is all that there is to see."""

import logging
import os
import signal
import time
from pathlib import Path

from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import CorruptArtifact
from viper.progress import tell

log = logging.getLogger("viper")
ITEMS = 10
"""Of each shard."""


class Nap(Inputs):
    """A shard that takes a while."""

    number: int
    seconds: float
    notes: str
    """Folder in which every process that begins the shard leaves a file with the times when it began and ended."""
    fatal: int = 0
    """So many processes that begin it are killed."""
    refused: bool = False
    """It ends in an error of the store."""

    @property
    def title(self) -> str:
        return f"nap {self.number}"


@step("naps", 1, items=lambda inputs, store: ITEMS)
def nap(inputs: Nap, worker: Worker) -> Made:
    folder = Path(inputs.notes)
    begun = len(list(folder.glob(f"{inputs.number}-*")))
    note = folder / f"{inputs.number}-{os.getpid()}"
    note.write_text(f"{time.time()} ")
    if begun < inputs.fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    if inputs.refused:
        raise CorruptArtifact("what it reads is damaged", "results/x")
    log.warning("nap %d: asleep", inputs.number)
    for second in range(3):
        tell(second, 3)
        time.sleep(inputs.seconds / 3)
    with note.open("a") as times:
        times.write(str(time.time()))
    return Made({"nap.txt": str(inputs.number).encode()})


def begun(notes: Path) -> dict[int, list[int]]:
    """The processes that began each shard."""
    found: dict[int, list[int]] = {}
    for note in notes.iterdir():
        number, _, pid = note.name.partition("-")
        found.setdefault(int(number), []).append(int(pid))
    return found
