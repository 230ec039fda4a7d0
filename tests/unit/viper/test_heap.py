"""Threads share a heap, as glibc itself reports it."""

import os
import platform
import subprocess
import sys

import pytest

WORK = """
import ctypes, threading
from viper.heap import limit_arenas

limit_arenas({count})
together = threading.Barrier(4)

def work():
    ctypes.CDLL(None).malloc(5000)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
ctypes.CDLL(None).malloc_stats()
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Another C library has no such heaps.")


def arenas(count: int, asked: str = "") -> int:
    """Heaps of a process whose four threads allocate at the same time."""
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    if asked:
        environment["MALLOC_ARENA_MAX"] = asked
    command = [sys.executable, "-c", WORK.format(count=count)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stderr.count("Arena ")


def test_threads_allocate_from_as_many_heaps_as_are_allowed() -> None:
    assert arenas(1) == 1
    assert arenas(3) == 3
    assert arenas(8) == 5, "one of each thread: without a limit there are more"


def test_what_a_person_asks_for_holds() -> None:
    assert arenas(1, asked="3") == 3
