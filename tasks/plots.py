"""Draws suites over rounds, as SVG."""

import io
from collections.abc import Sequence

from viper.records import Verdict


def plot_rounds(verdicts: Sequence[Verdict]) -> str:
    """The champion's scores over the rounds, suite by suite, with a ring at each candidate that the gate refused.

    Args:
        verdicts: Of rounds 1, 2, … in order, at least one.

    Returns:
        An ``<svg>`` element; equal verdicts give equal text.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rows = [{row.suite: row for row in (*verdict.suites, verdict.mean)} for verdict in verdicts]
    figure = Figure(figsize=(8.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, suite in enumerate(rows[0]):
        heights, is_mean = [rows[0][suite].champion], suite == "mean"
        color = "black" if is_mean else f"C{number}"
        for at, (verdict, found) in enumerate(zip(verdicts, rows, strict=True), start=1):
            promoted = verdict.decision == "promote"
            heights.append(found[suite].candidate if promoted else found[suite].champion)
            if not promoted:
                axes.plot(at, found[suite].candidate, "o", mfc="none", mec=color, ms=6)
        label = f"{suite.replace('_', ' ')} {heights[0]:.1f} → {heights[-1]:.1f}"
        axes.plot(heights, "-o", color=color, ms=4, lw=2.6 if is_mean else 1.4, label=label)
    axes.set_xticks(range(len(verdicts) + 1), ["base", *(f"round {at + 1}" for at in range(len(verdicts)))])
    axes.set_ylabel("points")
    axes.set_ylim(top=101)
    axes.grid(axis="y", color="#e3e8ee")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "viper", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
