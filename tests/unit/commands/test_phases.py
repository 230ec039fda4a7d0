"""Bars of phases: drawn on a terminal while a phase goes on, with the log above them; elsewhere there are none."""

import io
import logging

import pytest
from rich.console import Console

from commands.phases import phase_bars
from tasks.pace import Phase


def drawn(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a phase of two shards, one of them done, leaves on the console."""
    page = io.StringIO()
    monkeypatch.setattr("sys.stderr", page)
    console = Console(file=page, force_terminal=terminal, width=100, color_system=None)
    log, handler = logging.getLogger("viper"), logging.StreamHandler(page)
    log.addHandler(handler)
    try:
        with phase_bars(console):
            phase = Phase("paintings [of] shards")
            for _ in range(2):
                phase.expect(12)
            phase.end(12, reused=False)
            log.warning("a line of the log")
        assert handler.stream is page
    finally:
        log.removeHandler(handler)
    return page.getvalue()


def test_a_terminal_shows_a_bar_for_a_phase_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    page = drawn(True, monkeypatch)
    last = page[page.rindex("paintings [of] shards") :]
    assert "12 of 24" in last
    assert "━" in last
    assert page.count("a line of the log") == 1
    assert page.index("a line of the log") < page.rindex("12 of 24")


def test_without_a_terminal_the_log_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(False, monkeypatch) == "a line of the log\n"
