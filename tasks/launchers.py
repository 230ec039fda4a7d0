"""Commands that start a training in several processes, such as ``torchrun`` and ``accelerate launch``."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from viper.errors import ProfileError

_PROCESSES = re.compile(r"--(?:nproc[-_]per[-_]node|num[-_]processes)")
_NODES = re.compile(r"--nnodes")
_ENDED = re.compile(r"rank\s*: (?P<rank>\d+) .*\n\s*exitcode\s*: (?P<status>-?\d+) ")
LAUNCHER_SPEAKS = "torch/distributed/elastic/multi"
"""Stands in what ``torchrun`` and ``accelerate launch`` write when a process of theirs fails, and not before."""
_PER_MACHINE = re.compile(r"--nproc[-_]per[-_]node")


def find_launcher(command: str) -> str:
    """The path of a launcher: that of this environment first, whether or not it is activated.

    Raises:
        ProfileError: There is no such command.
    """
    found = shutil.which(command, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise ProfileError(
            f"training.launcher begins with {command!r}, which is no command here. Install it, name another, or leave "
            "the launcher empty for plain Python."
        )
    return found


def processes_asked_of(launcher: Sequence[str]) -> int:
    """How many processes a launcher is told to start, on all machines together; 0 if it is left to decide.

    ``accelerate`` counts them on all machines, ``torchrun`` on each.
    """
    if not launcher:
        return 1
    count = _number_after(_PROCESSES, launcher)
    if not count:
        return 0
    per_machine = any(_PER_MACHINE.match(word) for word in launcher)
    return count * max(1, _number_after(_NODES, launcher)) if per_machine else count


def check_processes(launcher: Sequence[str], started: int) -> None:
    """Compare what a launcher was told with what it did.

    Raises:
        ProfileError: Another number of processes started, so that steps would have other sizes than those asked for.
    """
    asked = processes_asked_of(launcher)
    if asked and asked != started:
        raise ProfileError(
            f"training.launcher {' '.join(launcher)!r} asks for {asked} processes, but {started} started. On CPUs "
            f"`accelerate launch` starts one: use torchrun --nproc_per_node {asked} there."
        )


def first_to_fail(output: str) -> tuple[int, int] | None:
    """The process that ended a training of several, as ``torchrun`` reports it at its end: its number and its status.

    The status is negative where a signal killed it. None if there is no such report.
    """
    report = output.partition(LAUNCHER_SPEAKS)[2]
    found = [(int(one["rank"]), int(one["status"])) for one in _ENDED.finditer(report)]
    # The root cause comes last, but is whoever ended first: that may be one who missed a process that was killed.
    killed = [one for one in found if one[1] < 0 and one[1] != -signal.SIGTERM]
    ended = killed or found
    return ended[-1] if ended else None


def _number_after(option: re.Pattern[str], words: Sequence[str]) -> int:
    """The number that an option gives, as ``--option 2`` or ``--option=2``; 0 if it gives none."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, _, value = word.partition("=")
        if option.fullmatch(name) and (text := value or following).isascii() and text.isdigit():
            return int(text)
    return 0
