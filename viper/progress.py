"""How far long work inside a step is: loops say it, and whoever started the work may listen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int], object]
"""Called with how many items of how many are done."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell(done: int, total: int) -> None:
    """Say that ``done`` of ``total`` items are done. Nobody need listen."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, and in this thread alone, ``listener`` hears what loops say."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
