"""Kinds of pictures and all that belongs to each: prompts, pool, suites, rules of its language.

This is the one door through which a world enters: other modules ask here, and import nothing of a single world. A new
world is a file or folder beside this one and a line in ``WORLDS``.
"""

from models.registry import look_up
from models.suites.suite import Suite
from models.worlds.photographs import Photographs
from models.worlds.shapes.world import Shapes
from models.worlds.world import World
from viper.errors import ProfileError, SuiteError

WORLDS: dict[str, World] = {world.name: world for world in (Photographs(), Shapes())}
"""The worlds by the name that a profile gives them."""


def find_world(name: str) -> World:
    """The world of this name.

    Raises:
        ProfileError: There is none; the nearest name is given.
    """
    return look_up(WORLDS, name, "world", ProfileError)


def world_of(address: str) -> World | None:
    """The world whose name stands before the first colon of an address such as ``shapes:vlm``.

    ``None`` for everything that lies elsewhere: folders, ``s3://`` prefixes, hub names, ``hub:``.
    """
    name, colon, _ = address.partition(":")
    return WORLDS.get(name) if colon else None


def find_suite(name: str, world: World | None = None) -> Suite:
    """The suite of this name, whatever its case, with dashes or underscores.

    Args:
        name: Of the suite.
        world: Where to look; ``None`` for all worlds.

    Raises:
        SuiteError: There is none; the nearest name is given.
    """
    worlds = [world] if world else WORLDS.values()
    known = {title: suite for one in worlds for title, suite in one.suites.items()}
    return look_up(known, name, "suite", SuiteError)
