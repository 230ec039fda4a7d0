"""The MLflow tracker of this environment."""

import functools

from storage.tracking import Tracker
from viper.environment import home, tracking_uri


@functools.cache
def tracker(experiment: str) -> Tracker:
    """Tracks into the experiment of an evolution; what MLflow misses while it is away is spooled and sent later."""
    return Tracker(tracking_uri(), f"viper-{experiment}", home() / "mlflow-spool.jsonl")
