"""Python's collector of cycles, kept from walking what stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting_collector() -> Iterator[None]:
    """Inside, no cycles are looked for; what is there at the end is never walked again.

    For times that are mostly imports: their hundred thousands of objects stay, and to walk them again and again takes a
    seventh of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
