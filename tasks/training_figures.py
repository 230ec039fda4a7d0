"""A training's figures under the names that sort them for people: how the rollouts were first, then the optimizer."""

from collections.abc import Mapping

WATCHED = {
    "reward": "reward",
    "reward/precision": "precision",
    "reward/coverage": "coverage",
    "completion_tokens": "completion tokens",
    "entropy": "entropy",
}
"""What a training is watched by, see ``models.grpo_reports.METRICS``; all else tells how it is optimized."""


def stage_figures(metrics: Mapping[str, float]) -> dict[str, float]:
    """The figures of a step as ``rollouts/…`` and ``training/…``."""
    return {figure_name(name): value for name, value in metrics.items() if name != "step"}


def figure_name(name: str) -> str:
    """The name of a figure with its section."""
    return f"rollouts/{WATCHED[name]}" if name in WATCHED else f"training/{name.replace('/', ' ')}"


def in_words(metrics: Mapping[str, float]) -> str:
    """What a training is watched by, on one line."""
    return ", ".join(f"{label} {metrics[name]:.2f}" for name, label in WATCHED.items() if name in metrics)
