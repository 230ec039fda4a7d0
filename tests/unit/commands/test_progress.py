"""Long work shows how far it is: bars where a person looks on, lines where none can move."""

import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from commands.progress import MOST_BARS, _Bars
from storage.maintenance import verify
from storage.objects import ObjectStore
from viper.progress import heard_by

WORKS = """
import logging, time
from commands import progress
from tasks import pace
from viper.progress import tell
pace.EVERY_S = 0.0
with progress.shown("verify blobs"):
    for done in range(1, 41):
        tell(done, 40)
        time.sleep(0.05)
        if done == 20:
            logging.getLogger("viper").warning("a warning")
print("the result")
"""


def on_a_terminal(code: str, folder: Path) -> tuple[str, str]:
    """What a program writes to standard error, which is a terminal, and to standard output, which is a file."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=output, stderr=theirs, env=environment)
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 200
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.5)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the program has ended
                break
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    return shown.decode(), (folder / "output").read_text()


def test_a_terminal_gets_a_bar_and_another_program_the_result_alone(tmp_path: Path) -> None:
    shown, output = on_a_terminal(WORKS, tmp_path)
    assert output == "the result\n"
    assert re.search(r"verify blobs.*\d+/40", shown)
    assert "verify blobs: " not in shown, "the bar says it"
    assert re.search(r"\x1b\[2K\d\d:\d\d:\d\d  a warning *\r\n", shown), "a line of its own, above the bar"
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is back"


def test_lines_are_shown_where_there_is_no_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", WORKS], capture_output=True, text=True, check=True)
    assert done.stdout == "the result\n"
    assert "verify blobs: 40 of 40" in done.stderr
    assert "\x1b" not in done.stderr


def test_bars_are_few_and_go_at_their_end() -> None:
    progress = Progress(console=Console(file=io.StringIO(), force_terminal=True))
    bars = _Bars(progress)
    for number in range(5):
        bars.move(f"paint shard {number}", 1, 10, "2 a second")
    assert [task.description for task in progress.tasks] == ["paint shard 3", "paint shard 4"]
    assert MOST_BARS == 2
    bars.move("paint shard 3", 10, 10, "2 a second")
    bars.move("filter", 1, 1, "")  # was over before anybody could see it
    assert [task.description for task in progress.tasks] == ["paint shard 4"]


def test_a_store_that_is_verified_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStore(str(tmp_path / "store"))
    for number in range(3):
        store.commit(f"results/x/{number}", "x", {"file": bytes([number])})
    heard: list[tuple[int, int]] = []
    with heard_by(lambda done, total: heard.append((done, total))):
        assert list(verify(store)) == []
    assert heard == [(1, 3), (2, 3), (3, 3)]
