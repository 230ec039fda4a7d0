"""How many processes work off the shards of a phase, on the GPUs that a plan is made for."""

import os

from flows.ray_cluster import KINDS, kind_of_roles, needs_of
from tasks.step import Role
from viper.settings import ActorSettings, Settings

CORES_A_GPU = 8
"""Of a machine with GPUs, at least: those with H100s that are let have 12 to 28."""


def workers_for(settings: Settings, roles: tuple[Role, ...], gpus: int) -> int:
    """Processes that work off shards of steps with these roles.

    Args:
        settings: The profile.
        roles: Of the steps.
        gpus: That there are; of a profile for the CPU, 0 counts the cores of this machine.
    """
    if settings.run.workers == "process":
        return 1
    kind = kind_of_roles(roles)
    asked: ActorSettings = getattr(settings.run, kind)
    needs = needs_of(settings, kind)
    cores = gpus * CORES_A_GPU if _on_gpus(settings) else os.cpu_count() or 1
    room = int(gpus / needs.gpus) if needs.gpus else int(cores / needs.cpus)
    return max(1, min(asked.actors or room, room))


def gpus_used(settings: Settings, roles: tuple[Role, ...], workers: int) -> float:
    """GPUs that such processes hold."""
    if settings.run.workers == "process":
        return float(workers)
    return workers * needs_of(settings, kind_of_roles(roles)).gpus


def _on_gpus(settings: Settings) -> bool:
    return any(needs_of(settings, kind).gpus for kind in KINDS)
