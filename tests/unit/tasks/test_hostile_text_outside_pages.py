"""Text of others on the terminal, in the log and in MLflow."""

import io
import logging

import pytest
from rich.console import Console

from commands import tables, terminal
from tasks import figures
from tests.hostile import HOSTILE
from viper.escaping import for_markdown, visible

ACTING = "".join(chr(code) for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x2028, 0xD800))


@pytest.mark.parametrize("text", [*HOSTILE, f"x{ACTING}y"])
def test_nothing_in_a_text_acts_on_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(text)
    shown = capsys.readouterr().out
    assert shown == f"{visible(text)}\n"
    assert not set(shown) & set(ACTING)
    shown.encode()


def test_text_that_does_not_act_stays_as_it_is() -> None:
    plain = "Ein Hund – «rot», 犬は赤い。 कुत्ता लाल है। می‌خواهم 👩‍👩‍👧 שלום\tx\ny"
    assert visible(plain) == plain
    assert (
        for_markdown("A 3.5 m dog - (brown), not black; 50% of it!") == "A 3.5 m dog - (brown), not black; 50% of it!"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_of_the_terminal_show_text_as_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(tables, "Console", lambda width=500: Console(file=file, width=width, color_system=None))
    table = tables.TextTable(text)
    table.add_column("name")
    table.add_row(text)
    tables.show_table(table, 500)
    assert visible(text).strip().splitlines()[0].expandtabs() in file.getvalue()
    assert not set(file.getvalue()) & set(ACTING)


def test_the_log_on_the_terminal_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("viper")
    before, propagate = list(log.handlers), log.propagate
    try:
        terminal.start()
        log.warning("%s is broken", "\x1b[2J\u202e")
    finally:
        log.handlers, log.propagate = before, propagate
    assert "\\x1b[2J\\u202e is broken" in capsys.readouterr().err


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_categories_are_names_that_mlflow_takes_and_stay_apart(text: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    names = {
        figures._metric_name(f"suite/{name}") for name in (text, f"{text} ", "红", "蓝", "..", "a/../b", "/a", "a//b")
    }
    assert len(names) == 8
    for name in names:
        _validate_metric_name(f"{name}/candidate")
    assert figures._metric_name("suite/fine-grained perception") == "suite/fine-grained perception"


def test_long_texts_are_cut_for_mlflow() -> None:
    from storage.tracking import MAX_VALUE, _value

    assert len(_value("x" * 9000)) == MAX_VALUE
    assert _value("\x1bx") == "\\x1bx"
    assert _value(17) == "17"
