"""How far long work is: loops inside a step and phases of many steps say it, and whoever started them may listen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int], object]
"""Called with how many items of how many are done."""

Shown = Callable[[str, int, int, str], object]
"""Called with the name of a phase, how many of its items of how many are done, and the same in words."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_shown: ContextVar[Shown] = ContextVar("shown", default=lambda *_: None)


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


def phases_shown_by() -> Shown:
    """What shows phases to people here; nothing does by default."""
    return _shown.get()


@contextmanager
def showing_phases(shown: Shown) -> Iterator[None]:
    """Inside, ``shown`` is told of phases that begin in this thread."""
    token = _shown.set(shown)
    try:
        yield
    finally:
        _shown.reset(token)
