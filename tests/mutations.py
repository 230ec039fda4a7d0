"""Do the tests notice a wrong loop? Each of thirty small faults is put into a copy of the project and tested there.

python -m tests.mutations [--only NAME] [--skip-sound]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("commands", "flows", "tasks", "models", "storage", "viper", "tests", "deployments")
FILES = ("pyproject.toml", "constraints.txt", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile")
WEIGHTS = Path("models/worlds/shapes/weights")
MAY_SURVIVE = 3
RUN_WITHIN_S = 600
FAILED = 1
"""What pytest ends with where tests failed; anything above is no verdict of a test."""
HUNG = 124
TOLD = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What the tests said of one copy."""

    status: int
    """Pytest's."""
    noticed_by: str
    """The first test that failed; empty if none did."""
    seconds: float
    output: str


def copy_project(folder: Path) -> None:
    """The rooms and the files that tests read, without caches; the weights are linked."""
    skipped = shutil.ignore_patterns("__pycache__", "weights")
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=skipped)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / WEIGHTS).symlink_to(ROOT / WEIGHTS)


def mutate(folder: Path, mutation: Mutation) -> None:
    """Put the fault into a copy."""
    path = folder / mutation.file
    text = path.read_text()
    if text.count(mutation.before) != 1:
        raise SystemExit(f"{mutation.name}: {mutation.before!r} stands {text.count(mutation.before)} times in {path}.")
    path.write_text(text.replace(mutation.before, mutation.after))


def run_tests(tests: Sequence[str], mutation: Mutation | None = None) -> Outcome:
    """What the tests say of a fresh copy, with a fault or without."""
    with tempfile.TemporaryDirectory(prefix="viper-mutation-") as name:
        folder, began = Path(name), time.monotonic()
        copy_project(folder)
        if mutation:
            mutate(folder, mutation)
        status, output = _pytest(folder, tests)
    told = TOLD.search(output)
    return Outcome(status, told[1].removeprefix("tests/") if told else "", time.monotonic() - began, output)


def _pytest(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """What pytest ends with and says in a copy, up to the first failure."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        process = subprocess.run(
            command, cwd=folder, env=environment, text=True, capture_output=True, timeout=RUN_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return HUNG, f"The tests did not end within {RUN_WITHIN_S} s."
    return process.returncode, process.stdout


def check_sound(chosen: Sequence[Mutation]) -> None:
    """Refuse to judge by tests that fail without any fault."""
    for tests in dict.fromkeys(mutation.tests for mutation in chosen):
        outcome = run_tests(tests)
        print(f"sound in {outcome.seconds:.0f} s: {' '.join(tests)}", flush=True)
        if outcome.status:
            raise SystemExit(f"These tests fail without any fault, so they prove nothing:\n{outcome.output}")


def verdict_on(outcome: Outcome) -> str:
    """``caught``, ``SURVIVED``, or that no test came to a verdict."""
    return {0: "SURVIVED", FAILED: "caught"}.get(outcome.status, f"NO VERDICT ({outcome.status})")


def judge(chosen: Sequence[Mutation]) -> int:
    """Test every fault and print the table. Returns how many were not caught."""
    rows = []
    for mutation in chosen:
        outcome = run_tests(mutation.tests, mutation)
        verdict = verdict_on(outcome)
        print(f"{verdict} in {outcome.seconds:.0f} s: {mutation.name}", flush=True)
        if outcome.status > FAILED:
            print(outcome.output)
        rows.append((mutation, verdict, outcome))
    print("\n| fault | file | verdict | noticed by |\n|---|---|---|---|")
    for mutation, verdict, outcome in rows:
        print(f"| {mutation.name} | `{mutation.file}` | {verdict} | {outcome.noticed_by} |")
    return sum(verdict != "caught" for _, verdict, _ in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="the faults whose name holds this")
    parser.add_argument("--skip-sound", action="store_true", help="trust the tests to pass without any fault")
    arguments = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if arguments.only in mutation.name]
    if not chosen:
        raise SystemExit(f"No fault's name holds {arguments.only!r}: see tests/mutants.py.")
    began = time.monotonic()
    if not arguments.skip_sound:
        check_sound(chosen)
    missed = judge(chosen)
    print(f"\n{len(chosen) - missed} of {len(chosen)} caught in {(time.monotonic() - began) / 60:.0f} min.")
    return int(missed > (MAY_SURVIVE if len(chosen) == len(MUTATIONS) else 0))


if __name__ == "__main__":
    raise SystemExit(main())
