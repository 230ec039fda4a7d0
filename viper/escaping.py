"""Text that others wrote (models, benchmark files, file names, addresses), made safe to show: one function a form.

HTML is escaped by Jinja, in ``tasks.html`` alone.
"""

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters but tabs and line ends, marks that turn the direction of writing, halves of characters."""
_MARKDOWN = re.compile(
    r"[\\`*\[\]<|~&$@]|(?<![^\W_])_|_(?![^\W_])|:(?=[/A-Za-z+])"
    r"|(?<=[^\W\d])\.(?=\w)"  # in www.example.org
    r"|^[#>+=-]|^\d{1,9}[.)]"
)

_LONGEST = 200
"""Characters of a value that a message shows."""
_LONG = re.compile(
    rf"(?<!\S)(['\"])(?:(?!\1).){{{_LONGEST},}}\1(?!\w)"  # in quotation marks
    rf"|\S{{{_LONGEST + 2},}}"
)


def one_line(text: object) -> str:
    """A message on one line, whatever others wrote in it: what is long of a value is cut."""
    return _LONG.sub(lambda match: f"{match[0][:_LONGEST]}…{match[1] or ''}", " ".join(str(text).split()))


def visible(text: str) -> str:
    r"""The text for a terminal, a log or a plot: what acts and is not seen is spelled out, as in ``\x1b[31m``.

    So it cannot move the cursor, color or hide what follows, or turn the direction of writing.
    """
    return _HIDDEN.sub(
        lambda match: rf"\u{ord(match[0]):04x}" if match[0] > "\xff" else rf"\x{ord(match[0]):02x}", text
    )


def for_markdown(text: str) -> str:
    """The text on one line of Markdown: plain words in a paragraph or a cell of a table, whatever they hold."""
    return _MARKDOWN.sub(lambda match: rf"{match[0][:-1]}\{match[0][-1]}", " ".join(visible(text).split()))
