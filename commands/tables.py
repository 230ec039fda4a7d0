"""Tables on the terminal. Their cells are text: what others wrote in them is no markup and no escape sequence."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from viper.escaping import visible


class TextTable(Table):
    """A table whose title and cells are shown as they are written."""

    def __init__(self, title: str) -> None:
        super().__init__(title=escape(visible(title)))

    @override
    def add_row(self, *cells: str) -> None:  # type: ignore[override]
        super().add_row(*(Text(visible(cell)) for cell in cells))


def show_table(table: TextTable, width: int = 0) -> None:
    """Print a table, at least ``width`` characters wide also where the output is no terminal."""
    Console(width=max(width, Console().width)).print(table)


def age(seconds: float) -> str:
    """A length of time in its largest unit: ``40 s``, ``12 min``, ``5 h``, ``3 days``."""
    for unit, length_s in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length_s * (2 if unit == "days" else 1):
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
