"""Whether somebody knows what truly is in the pictures of a pool. Measurements and ablations need it, rounds do not."""

from models.worlds import find_world, world_of
from viper.errors import PoolError
from viper.settings import Settings


def knows_truth(settings: Settings) -> bool:
    """Whether the pool is that of the world, and the world knows what its pictures show."""
    world = find_world(settings.world)
    return world_of(settings.pool.uri) is world and world.observer is not None


def check_truth(settings: Settings) -> None:
    """Make sure that somebody knows what is in the pool's pictures.

    Raises:
        PoolError: Nobody does: they are none of the world's.
    """
    if not knows_truth(settings):
        raise PoolError(
            f"The truth is known for the pool of a world only; pool.uri is {settings.pool.uri!r} and the "
            f"world is {settings.world!r}."
        )
