"""``viper logs --service``: the files of ``viper up``."""

import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands import logs
from commands.cli import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "worker.log").write_bytes(b"first\n\xff \x1b[31mred\nhalf")
    return tmp_path / "up"


def test_a_service_shows_its_file_and_nothing_acts_on_the_terminal(folder: Path) -> None:
    result = CliRunner().invoke(app, ["logs", "--service", "worker"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert (lines[0], lines[2]) == ("first", "half")
    assert "\x1b" not in result.output


def test_an_unknown_service_names_those_that_are_there(folder: Path) -> None:
    result = CliRunner().invoke(app, ["logs", "--service", "worked"])
    assert (result.exit_code, "Logs of services: worker." in result.output) == (2, True)


def test_a_file_is_followed_line_by_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "POLL_S", 0.05)
    path = folder / "worker.log"

    def write() -> None:
        time.sleep(0.3)
        with path.open("ab") as file:
            file.write(b" and whole\nlast\n")

    writer = threading.Thread(target=write)
    writer.start()
    lines = logs._lines(path, follow=True)
    assert [next(lines) for _ in range(4)][2:] == ["half and whole", "last"]
    writer.join()
