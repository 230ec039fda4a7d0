"""The log of a command, and how far its long work is: bars on a terminal, lines elsewhere, on standard error."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from viper.escaping import visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MOST_BARS = 2
"""Of a step and its shards. One that stood still for longest makes room."""


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


class _Lines(logging.Handler):
    """Prints where standard error leads now: above the bars while there are any."""

    bars = False
    """Whether how far work is shows in bars."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            if not (self.bars and getattr(record, "is_pace", False)):
                print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # as every handler of logging: a line that cannot be written ends no run
            self.handleError(record)


_lines = _Lines()


def show_log() -> None:
    """Show the loop's log from now on."""
    _lines.setFormatter(_Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    log = logging.getLogger("viper")
    log.addHandler(_lines)
    log.propagate = False  # Prefect's root handler would print every line again
    log.setLevel(logging.INFO)


@contextmanager
def bars() -> Iterator[None]:
    """Inside, steps that are worked on have bars, if standard error is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from tasks.pace import watched_by

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    title, speed = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[speed]}"))
    columns = (title, BarColumn(), MofNCompleteColumn(), speed)
    # Standard output may be read by another program.
    shown = Progress(*columns, console=console, transient=True, redirect_stdout=False)
    _lines.bars = True
    try:
        with shown, watched_by(_Bars(shown).move):
            yield
    finally:
        _lines.bars = False


@contextmanager
def shown(title: str) -> Iterator[None]:
    """Inside, loops that say how far they are (``viper.progress``) have a bar, or a line now and then."""
    from tasks.pace import Pace
    from viper.progress import heard_by

    show_log()
    with bars(), heard_by(Pace(title).tell):
        yield


class _Bars:
    """Bars by title.

    Args:
        progress: Draws them.
    """

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def move(self, title: str, done: float, total: float, speed: str) -> None:
        """A bar moves; one that has come to its end goes."""
        bar = self._bars.pop(title, None)
        if done >= total:
            if bar is not None:
                self._progress.remove_task(bar)
            return
        if bar is None:
            bar = self._progress.add_task(visible(title), total=total, speed=speed)
        self._bars[title] = bar  # the last one that moved
        self._progress.update(bar, completed=done, total=total, speed=speed)
        for old in list(self._bars)[:-MOST_BARS]:
            self._progress.remove_task(self._bars.pop(old))


def end_bars() -> None:
    """Give the terminal its cursor back, for a process that ends on the spot."""
    if _lines.bars:
        from rich.console import Console

        Console(stderr=True).show_cursor()
