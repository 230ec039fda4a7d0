"""How far long work is and how long it will take: in the log, on the terminal and on the run's page in Prefect."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.artifacts import Bar

EVERY_S = 15.0
"""Seconds between two lines of one piece of work. What takes less says nothing but its end."""

Watcher = Callable[[str, float, float], object]
"""Called with a title and how many units of how many are done, from any thread."""

IS_PACE = {"is_pace": True}
"""Marks the lines of the log that a watcher shows in a better way."""

log = logging.getLogger("viper")
_watchers: list[Watcher] = []


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Inside, ``watcher`` is told of all work of this process whenever it moves, not at the rate of the log."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class Pace:
    """Tells of one piece of work at a bounded rate.

    Args:
        title: What it is, as people see it.
        key: The same as a key; with it there is a bar on the run's page in Prefect.
    """

    def __init__(self, title: str, key: str = "") -> None:
        self._title, self._key = title, key
        self._bar: Bar | None = None
        self._began: tuple[float, float] | None = None
        self._done = 0.0
        self._told = time.monotonic()
        self._is_told = False

    def begin(self, done: float) -> None:
        """What is done up to here took no time: it says nothing of what is left."""
        self._began, self._done = (time.monotonic(), done), done

    def tell(self, done: float, total: float, said: str = "") -> bool:
        """Say how much is done, unless something was said a moment ago. The end is said where anything was said.

        Args:
            done: Units that are done. The first call may say what was done before; less than in the call before
                begins anew.
            total: All units.
            said: More, on one line.

        Returns:
            Whether it was said.
        """
        for watcher in _watchers:
            watcher(self._title, done, total)
        now = time.monotonic()
        if self._began is None or done < self._done:
            self.begin(done)
        self._done = done
        ends = done >= total and self._is_told
        if now - self._told < EVERY_S and not ends:
            return False
        self._told, self._is_told = now, True
        text = ", ".join(part for part in (f"{done:g} of {total:g}", said, self._left(now, total)) if part)
        log.info("%s: %s", self._title, text, extra=IS_PACE)
        if self._key:
            self._bar = self._bar or Bar(self._key, self._title)
            self._bar.show(100.0 * done / max(total, 1), text)
        return True

    def _left(self, now: float, total: float) -> str:
        began, before = self._began or (now, self._done)
        if self._done >= total or self._done <= before:
            return ""
        return f"about {duration((total - self._done) * (now - began) / (self._done - before))} left"


class Phase:
    """One kind of step over all its shards.

    Args:
        kind: Its name.
    """

    def __init__(self, kind: str) -> None:
        self._pace = Pace(f"{kind}, shards", kind)
        self._expected = self._done = 0

    def expect(self) -> None:
        """One more shard is to be done."""
        self._expected += 1

    def end(self, *, reused: bool) -> None:
        """One more is done, or was found done."""
        self._done += 1
        if reused:
            self._pace.begin(self._done)
        elif self._expected > 1:
            self._pace.tell(self._done, self._expected)


def duration(seconds: float) -> str:
    """A span of time for people: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
