"""The most memory that a process holds while a block runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

LOOK_S = 0.05


@dataclass
class Peak:
    """Filled in while the block runs."""

    bytes: int = 0


@contextmanager
def watched(device: str, child: bool = False) -> Iterator[Peak]:
    """The peak of this process, or of the largest of its children, looked at every ``LOOK_S`` seconds.

    Args:
        device: On a CPU, main memory counts; on an accelerator its own, with what it keeps beside tensors. What
            children hold there is not seen from here: their peak is 0.
        child: Whether children are meant.
    """
    peak, over = Peak(), threading.Event()
    if device != "cpu":
        yield from _on_accelerator(peak, child)
        return

    def look() -> None:
        me = psutil.Process()
        while not over.wait(LOOK_S):
            peak.bytes = max(peak.bytes, *_held(me, child), 0)

    thread = threading.Thread(target=look, name="peak", daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _held(me: psutil.Process, child: bool) -> list[int]:
    held = [0]
    for process in me.children(recursive=True) if child else [me]:
        try:
            held.append(int(process.memory_info().rss))
        except psutil.Error:  # it ended between two looks
            continue
    return held


def _on_accelerator(peak: Peak, child: bool) -> Iterator[Peak]:
    import torch

    torch.accelerator.reset_peak_memory_stats()
    yield peak
    free, whole = torch.accelerator.get_memory_info()
    beside = whole - free - torch.accelerator.memory_reserved()
    peak.bytes = 0 if child else int(torch.accelerator.max_memory_allocated() + beside)
