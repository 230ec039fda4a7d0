"""How far long work is and how long it will take: in the log, on the terminal and on the run's page in Prefect."""

import logging
import time

from tasks.artifacts import Bar

EVERY_S = 15.0
"""Seconds between two lines of one piece of work. What takes less says nothing but its end."""

log = logging.getLogger("viper")


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
        self._told = time.monotonic()

    def tell(self, done: float, total: float, said: str = "") -> bool:
        """Say how much is done, unless something was said a moment ago. The end is always said.

        Args:
            done: Units that are done. The first call may say what was done before.
            total: All units.
            said: More, on one line.

        Returns:
            Whether it was said.
        """
        now = time.monotonic()
        if self._began is None:
            self._began = (now, done)
        if now - self._told < EVERY_S and done < total:
            return False
        self._told = now
        text = ", ".join(part for part in (f"{done:g} of {total:g}", said, self._left(now, done, total)) if part)
        log.info("%s: %s", self._title, text)
        if self._key:
            self._bar = self._bar or Bar(self._key, self._title)
            self._bar.show(100.0 * done / max(total, 1), text)
        return True

    def _left(self, now: float, done: float, total: float) -> str:
        began, before = self._began or (now, done)
        if done >= total or done <= before:
            return ""
        return f"about {duration((total - done) * (now - began) / (done - before))} left"


def duration(seconds: float) -> str:
    """A span of time for people: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
