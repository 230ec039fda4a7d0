"""Makes the four embedded models from nothing: similarity, text encoder and painter, editor, VLM; then measures them.

Each training keeps its progress in a folder and continues from it, so the flow can be stopped and started again.
"""

from pathlib import Path

import typer
from prefect import flow

from models.locations import WEIGHTS
from tasks import foundation as steps
from tasks.step import log

SEED = 7


@flow(name="foundation")
def foundation(work: str = ".viper/foundation", scenes: int = 1000) -> dict[str, dict[str, float]]:
    """Train all four models into the folder of shipped weights, and measure them on ``scenes`` held-out scenes.

    Args:
        work: Folder for resumable progress.
        scenes: Number of held-out scenes of the measurement, at least 1.
    """
    folder = Path(work)
    steps.make_similarity(folder, WEIGHTS / "similarity", SEED)
    steps.make_painter(folder, WEIGHTS / "painter", SEED)
    steps.make_editor(folder, WEIGHTS / "painter", WEIGHTS / "editor", SEED)
    steps.make_vlm(folder, WEIGHTS / "vlm", SEED)
    return measure_models(scenes)


@flow(name="measure models")
def measure_models(scenes: int = 1000) -> dict[str, dict[str, float]]:
    """Figures of the shipped models by model, as their model cards state them."""
    figures = {name: steps.measure(name, scenes) for name in ("similarity", "painter", "editor", "vlm")}
    for name, found in figures.items():
        for what, value in found.items():
            typer.echo(f"{name:11} {what:55} {value:.3f}")
    for name, counts in steps.count_known_pictures(SEED).items():
        for what, count in counts.items():
            typer.echo(f"{name:11} {what:55} {count:,}")
    log.info("Measured on %d held-out scenes.", scenes)
    return figures
