"""How far long work is and how long it will take: in the log, on the terminal and on the run's page in Prefect."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from tasks.artifacts import Bar

EVERY_S = 15.0
"""Seconds between two lines of one piece of work. What takes less says nothing but its end."""

Watcher = Callable[[str, float, float, str], object]
"""Called with a title, how many units of how many are done, and how fast and how long, from any thread."""

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

    def begin(self, done: float, at: float | None = None) -> None:
        """So much took no time, and says nothing of what is left; the rest was begun now, or ``at`` a time before."""
        self._began, self._done = (time.monotonic() if at is None else at, done), done

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
        now = time.monotonic()
        if self._began is None or done < self._done:
            self.begin(done)
        self._done = done
        for watcher in _watchers:
            watcher(self._title, done, total, self._speed(done, total))
        ends = done >= total and self._is_told
        if now - self._told < EVERY_S and not ends:
            return False
        self._told, self._is_told = now, True
        text = self.text(done, total, said)
        log.info("%s: %s", self._title, text, extra=IS_PACE)
        if self._key:
            self._bar = self._bar or Bar(self._key, self._title)
            self._bar.show(100.0 * done / max(total, 1), text)
        return True

    def text(self, done: float, total: float, said: str = "") -> str:
        """Where it stands, how fast it goes, and how long it will take as far as that is known."""
        parts = (f"{done:,.10g} of {total:,.10g}", said, self._speed(done, total))
        return ", ".join(part for part in parts if part)

    def _speed(self, done: float, total: float) -> str:
        now = time.monotonic()
        began, before = self._began or (now, done)
        if done <= before or now <= began:
            return ""
        rate = (done - before) / (now - began)
        speed = f"{rate:,.3g} a second" if rate >= 1 else f"{rate * 60:,.3g} a minute"
        return f"{speed}, about {duration((total - done) / rate)} left" if done < total else speed


class Phase:
    """One kind of step over all its shards, counted in their pictures or questions. Threads may share it.

    Args:
        kind: Its name.
    """

    def __init__(self, kind: str) -> None:
        self.kind, self._pace = kind, Pace(kind, kind)
        self._expected = self._done = self._reused = self._shards = 0
        self._since = time.monotonic()
        self._pace.begin(0)
        self._one_at_a_time = Lock()

    def expect(self, items: int) -> None:
        """One more shard is to be done, with so many items."""
        with self._one_at_a_time:
            self._expected, self._shards = self._expected + items, self._shards + 1

    def end(self, items: int, *, reused: bool) -> None:
        """One more is done, or was found done."""
        with self._one_at_a_time:
            self._done += items
            if reused:
                self._found(items)
            elif self._shards > 1:
                self._pace.tell(self._done, self._expected)

    def _found(self, items: int) -> None:
        """Leave what took no time out of the rate."""
        if self._done == self._reused + items:  # nothing else is done yet
            self._since = time.monotonic()
        self._reused += items
        self._pace.begin(self._reused, self._since)

    def __str__(self) -> str:
        """Such as ``captions: 120 of 400, 3.4 a second, about 80 s left``; empty where there is one shard."""
        return f"{self.kind}: {self._pace.text(self._done, self._expected)}" if self._shards > 1 else ""


def duration(seconds: float) -> str:
    """A span of time for people: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
