"""Makes the models that come with a world from nothing, then measures them."""

import logging
from pathlib import Path

import typer
from prefect import flow

from flows.runner import one_worker
from models.worlds import find_world
from tasks.pace import Pace
from viper.progress import heard_by

log = logging.getLogger("viper")


@flow(name="foundation", task_runner=one_worker, flow_run_name="foundation of the embedded models")
def foundation(work: str = ".viper/foundation", scenes: int = 1000, world: str = "shapes") -> None:
    """Train all models into the folder of shipped weights, and measure them on ``scenes`` held-out scenes.

    Each training keeps its progress in a folder and continues from it, so the flow can be stopped and started again.

    Args:
        work: Folder for resumable progress.
        scenes: Number of held-out scenes of the measurement, at least 1.
        world: Whose models.
    """
    from prefect.tasks import Task

    for name, train in find_world(world).foundation(Path(work)).items():
        title = f"train the {name}"
        with heard_by(Pace(title).tell):
            Task(train, name=f"train {name}", task_run_name=title)()
    measure_models(scenes, world)


@flow(name="measure models", task_runner=one_worker, flow_run_name="measure the embedded models")
def measure_models(scenes: int = 1000, world: str = "shapes") -> None:
    """Print the figures of the shipped models, as their model cards state them."""
    with heard_by(Pace("measure the models").tell):
        found = list(find_world(world).measure(scenes))
    for name, what, value in found:
        shown = f"{value:,.0f}" if value >= 100 and value == int(value) else f"{value:.3f}"
        typer.echo(f"{name:11} {what:55} {shown}")
    log.info("Measured on %d held-out scenes.", scenes)
