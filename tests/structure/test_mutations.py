"""The list of faults does not rot: each can be put in, and the tests that should notice it are there."""

from pathlib import Path

import pytest

from tests.mutants import MUTATIONS, Mutation
from tests.mutations import Outcome, mutate, verdict_on

ROOT = Path(__file__).resolve().parents[2]


def test_there_are_thirty_of_different_names() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) == 30


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_fault_stands_for_one_place_and_its_tests_exist(mutation: Mutation) -> None:
    assert mutation.file.split("/")[0] in ("flows", "tasks", "models", "storage")
    assert (ROOT / mutation.file).read_text().count(mutation.before) == 1
    assert mutation.after != mutation.before
    assert mutation.tests
    for target in mutation.tests:
        file, _, function = target.partition("::")
        assert (ROOT / file).is_file()
        assert f"def {function}(" in (ROOT / file).read_text() if function else True


def test_a_fault_replaces_one_place_and_is_refused_where_there_are_none_or_two(tmp_path: Path) -> None:
    fault, path = Mutation("fault", "a.py", "x > y", "x < y", ()), tmp_path / "a.py"
    path.write_text("return x > y\n")
    mutate(tmp_path, fault)
    assert path.read_text() == "return x < y\n"
    for text in ("return x < y", "x > y or x > y"):
        path.write_text(text)
        with pytest.raises(SystemExit, match=f"stands {text.count('x > y')} times"):
            mutate(tmp_path, fault)


def test_only_a_test_that_failed_catches_a_fault() -> None:
    said = {status: verdict_on(Outcome(status, "", 0.0, "")) for status in (0, 1, 2, 4, 124)}
    assert said == {
        0: "SURVIVED",
        1: "caught",
        2: "NO VERDICT (2)",
        4: "NO VERDICT (4)",
        124: "NO VERDICT (124)",
    }
