"""Bars of the phases of a round, on a terminal that can draw them. Lines of the log go above them."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from viper.progress import showing_phases


@contextmanager
def phase_bars(console: Console | None = None) -> Iterator[None]:
    """Inside, every phase that is going on has a bar; without a terminal, the log alone says how far it is.

    Args:
        console: Where to draw; by default standard error.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=console) as progress, _written_above():
        bars: dict[str, TaskID] = {}

        def show(phase: str, done: int, total: int, said: str) -> None:
            if phase not in bars:
                bars[phase] = progress.add_task(phase, said=said)
            progress.update(bars[phase], completed=done, total=total, said=said)
            if done >= total:
                progress.remove_task(bars.pop(phase))

        with showing_phases(show):
            yield


@contextmanager
def _written_above() -> Iterator[None]:
    """Let the log write where standard error leads now: while bars are drawn, to the lines above them."""
    handlers = [one for one in logging.getLogger("viper").handlers if isinstance(one, logging.StreamHandler)]
    before = [handler.setStream(sys.stderr) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            if stream is not None:
                handler.setStream(stream)
