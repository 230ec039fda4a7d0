"""Draws what variants gained over how right the critiques were before the judge saw them, as SVG."""

from collections.abc import Sequence

from models.ablation import Ablation, AblationRow
from tasks.plots import as_svg, as_text


def plot_gains(found: Ablation) -> str:
    """A line a variant, a point for each quality of critiques, with intervals over seeds where there are several.

    Args:
        found: Arms whose critiques were not measured are left out.

    Returns:
        An ``<svg>`` element, empty text where nothing was measured; equal ablations give equal text.
    """
    from matplotlib.figure import Figure

    lines: dict[str, list[tuple[float, AblationRow]]] = {}
    for row in found.rows:
        if row.drawn_right is not None:
            lines.setdefault(row.arm.variant, []).append((row.drawn_right, row))
    if not lines:
        return ""
    figure = Figure(figsize=(8.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, (variant, points) in enumerate(lines.items()):
        points.sort(key=lambda point: point[0])
        gains = [sum(row.by_seed) / len(row.by_seed) for _, row in points]
        axes.errorbar(
            [right for right, _ in points],
            gains,
            yerr=_lengths(gains, [row for _, row in points]),
            fmt="-o",
            color=f"C{number}",
            ms=4,
            capsize=3,
            label=as_text(variant),
        )
    for right, row in next(iter(lines.values())):
        axes.annotate(
            as_text(row.arm.critiques), (right, 0.02), xycoords=("data", "axes fraction"), fontsize=8, ha="center"
        )
    axes.margins(x=0.1)
    axes.set_xlabel("sentences of the critiques that are right before the judge, percent")
    axes.set_ylabel("points gained in the mean")
    axes.grid(axis="y", color="#e3e8ee")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    return as_svg(figure)


def _lengths(gains: Sequence[float], rows: Sequence[AblationRow]) -> list[list[float]]:
    """How far intervals reach below and above the points; nowhere where one seed tells no spread."""
    found = [row.against_base_over_seeds for row in rows]
    return [
        [gain - one.low if one else 0.0 for gain, one in zip(gains, found, strict=True)],
        [one.high - gain if one else 0.0 for gain, one in zip(gains, found, strict=True)],
    ]
