"""How the C library keeps memory that a process has freed."""

import ctypes
import os
import platform

_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's ``malloc.h``."""


def limit_arenas(count: int) -> None:
    """Let all threads of this process allocate from at most so many arenas, where the C library is glibc.

    By default each thread has its own, up to eight a core, and keeps there what it freed. A flow does its steps in
    changing threads, so that the freed tensors of one stayed beside those of the next: hundreds of MiB, and another
    number in each run. Call before threads are started. Where ``MALLOC_ARENA_MAX`` is set, it holds; else it is set for
    the processes that this one starts.
    """
    if "MALLOC_ARENA_MAX" not in os.environ and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_ARENA_MAX, count)
        os.environ["MALLOC_ARENA_MAX"] = str(count)
