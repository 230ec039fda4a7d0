"""Draws suites and their categories over rounds, as SVG."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from viper.escaping import visible
from viper.records import SuiteResult, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 2
"""Panels side by side."""
MAX_LABEL = 40
"""Characters of a name beside a plot."""


def plot_rounds(verdicts: Sequence[Verdict]) -> str:
    """The champion's scores over the rounds, suite by suite, with a ring at each candidate that the gate refused.

    Args:
        verdicts: Of rounds 1, 2, … in order. One that ended before the benchmarks is left out: it is the last.

    Returns:
        An ``<svg>`` element, empty text if no round was judged; equal verdicts give equal text.
    """
    from matplotlib.figure import Figure

    judged = [verdict for verdict in verdicts if verdict.rows]
    if not judged:
        return ""
    figure = Figure(figsize=(8.5, 4.2), layout="constrained")
    _draw(figure.subplots(), judged, [{row.suite: row for row in verdict.rows} for verdict in judged])
    return as_svg(figure)


def plot_categories(verdicts: Sequence[Verdict]) -> str:
    """The same for categories, one panel a suite; empty text if no suite has any."""
    from matplotlib.figure import Figure

    judged = [verdict for verdict in verdicts if verdict.rows]
    suites = [row.suite for row in judged[0].suites if row.categories] if judged else []
    if not suites:
        return ""
    height = -(-len(suites) // COLUMNS)
    figure = Figure(figsize=(5.5 * COLUMNS, 2.9 * height), layout="constrained")
    panels = figure.subplots(height, COLUMNS, squeeze=False).flatten()
    for axes, suite in zip(panels, suites, strict=False):
        found = [next(row for row in verdict.suites if row.suite == suite) for verdict in judged]
        axes.set_title(as_text(suite), fontsize=10)
        _draw(axes, judged, [{part.suite: part for part in row.categories} for row in found])
    for axes in panels[len(suites) :]:
        axes.set_visible(False)
    return as_svg(figure)


def _draw(axes: "Axes", verdicts: Sequence[Verdict], rows: Sequence[Mapping[str, SuiteResult]]) -> None:
    for number, name in enumerate(rows[0]):
        heights, is_mean = [rows[0][name].champion], name == "mean"
        color = "black" if is_mean else f"C{number}"
        for at, (verdict, found) in enumerate(zip(verdicts, rows, strict=True), start=1):
            promoted = verdict.decision == "promote"
            heights.append(found[name].candidate if promoted else found[name].champion)
            if not promoted:
                axes.plot(at, found[name].candidate, "o", mfc="none", mec=color, ms=6)
        label = f"{as_text(name)} {heights[0]:.1f} → {heights[-1]:.1f}"
        axes.plot(heights, "-o", color=color, ms=4, lw=2.6 if is_mean else 1.4, label=label)
    axes.set_xticks(range(len(verdicts) + 1), ["base", *(f"round {at + 1}" for at in range(len(verdicts)))])
    axes.set_ylabel("points")
    axes.set_ylim(top=101)
    axes.grid(axis="y", color="#e3e8ee")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)


def as_text(name: str) -> str:
    """A name as text, cut if it would take the plot's place. Two dollar signs would make it a formula."""
    text = " ".join(visible(name).replace("_", " ").split())
    return (text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…").replace("$", r"\$")


def as_svg(figure: "Figure") -> str:
    """The figure's ``<svg>`` element: equal figures give equal text."""
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "viper", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
