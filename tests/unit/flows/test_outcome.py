"""What a failure says, and how a run that waits leaves the terminal."""

import pytest
import typer

from commands.terminal import working
from flows import outcome
from tests.loop import cut_for
from viper.errors import ApprovalNeeded, PoolError


def test_an_error_that_nobody_expected_has_a_cause_a_place_and_a_remedy() -> None:
    try:
        cut_for().slice_that_is_not_there  # type: ignore[attr-defined]  # noqa: B018
    except AttributeError as error:
        said = outcome.explain(error)
    assert said.startswith("AttributeError: 'Cut' object has no attribute 'slice_that_is_not_there' (in tests/unit/")
    assert said.endswith("the log of this run holds its stack. Report it with that.")
    assert "memory is full" in outcome.explain(MemoryError())
    assert "disk is full" in outcome.explain(OSError(28, "No space left on device"))


def test_what_is_raised_on_purpose_is_said_as_it_is_on_one_line() -> None:
    assert outcome.explain(PoolError("No pool.\nName one.")) == "No pool. Name one."


def test_a_terminal_is_told_of_an_approval_by_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")  # leaves the handling of Ctrl-C as it is
    with pytest.raises(typer.Exit) as ended, working("viper resume e"):
        raise ApprovalNeeded("Round 1 waits for approval.")
    assert ended.value.exit_code == 3
    assert "Continue after the decision with: viper resume e" in capsys.readouterr().out
