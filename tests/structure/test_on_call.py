"""Every row of what to do when something breaks names a test that tries it, and that test is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    line
    for line in (ROOT / "deployments" / "README.md").read_text().splitlines()
    if line.startswith("| ") and "| tried by |" not in line
]
TESTS = [*(ROOT / "tests").rglob("test_*.py")]
DEFINED = {name for path in TESTS for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}


def test_every_symptom_has_what_it_means_what_is_kept_and_what_to_press() -> None:
    assert len(ROWS) == 17
    for row in ROWS:
        symptom, meaning, kept, press, tried = (cell.strip() for cell in row.strip("|").split(" | "))
        assert all((symptom, meaning, kept, press, tried)), row
        assert "**" in meaning, "it has the name by which the row is found"


def test_what_tries_a_row_is_there() -> None:
    for row in ROWS:
        tried = row.strip("|").split(" | ")[-1]
        named = re.findall(r"`(test_\w+)`", tried)
        files = re.findall(r"\btest_\w+\.py\b", tried)
        assert named or files or "make kills" in tried or "the same" in tried, row
        assert set(named) <= DEFINED, sorted(set(named) - DEFINED)
        assert set(files) <= {path.name for path in TESTS}, files
