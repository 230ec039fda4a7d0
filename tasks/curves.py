"""Learning curves: the figures of a round's trainings step by step, as they lie in the store."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.payloads import Curves
from storage.objects import ObjectStore
from tasks.plots import as_svg, as_text
from tasks.shards import read_payload
from viper.records import ArtifactRef

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Steps = Sequence[Mapping[str, float]]

PANELS = {
    "reward": {"reward": "reward", "reward/precision": "precision", "reward/coverage": "coverage"},
    "length in tokens": {"completion_tokens": "tokens"},
    "entropy in nats": {"entropy": "entropy"},
    "loss": {"loss": "loss"},
}
"""What is drawn: titles of panels, and the figures in each with their labels."""
COLUMNS = 2
"""Panels side by side: more could not be read on a phone."""


def read_curves(store: ObjectStore, trainings: Mapping[str, ArtifactRef]) -> dict[str, Steps]:
    """The figures of each stage's steps; a training of an earlier version, which kept none, is left out."""
    kept = {stage: ref for stage, ref in trainings.items() if Curves.entry in store.manifest(ref).entries}
    return {stage: read_payload(store, ref, Curves).root for stage, ref in kept.items()}


def plot_curves(curves: Mapping[str, Steps]) -> str:
    """Reward with precision and coverage, length and entropy of the rollouts, and the loss.

    Args:
        curves: By stage, in order. Figures that no step has are left out, as the reward of a supervised stage.

    Returns:
        An ``<svg>`` element, empty text where there is nothing to draw; equal curves give equal text.
    """
    from matplotlib.figure import Figure

    drawn = {stage: steps for stage, steps in curves.items() if steps}
    if not drawn:
        return ""
    panels = [(stage, title) for stage, steps in drawn.items() for title in PANELS if _has(steps, PANELS[title])]
    height = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(3.6 * COLUMNS, 2.5 * height), layout="constrained")
    places = figure.subplots(height, COLUMNS, squeeze=False).flatten()
    for axes, (stage, title) in zip(places, panels, strict=False):
        _draw(axes, drawn[stage], PANELS[title])
        axes.set_title(f"{as_text(stage)}: {title}", fontsize=11)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    return as_svg(figure)


def _has(steps: Steps, names: Mapping[str, str]) -> bool:
    return any(name in step for step in steps for name in names)


def _draw(axes: "Axes", steps: Steps, names: Mapping[str, str]) -> None:
    for name, label in names.items():
        # Figures of the rollouts stand at the first step on them alone.
        points = [(step["step"], step[name]) for step in steps if name in step]
        if points:
            axes.plot(*zip(*points, strict=True), "-", lw=2.2 if label == "reward" else 1.3, label=label)
    axes.set_xlabel("step", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="#e3e8ee")
    axes.spines[["top", "right"]].set_visible(False)
    if len(names) > 1:
        axes.legend(frameon=False, fontsize=8)


def ends_text(steps: Steps) -> str:
    """How a training began and ended, in words: reward, precision, coverage, length and entropy."""
    told: list[str] = []
    for names in PANELS.values():
        for name, label in names.items():
            values = [step[name] for step in steps if name in step]
            if values and (label != "loss" or not told):
                told.append(f"{label} {values[0]:.3g} → {values[-1]:.3g}")
    return ", ".join(told)
