"""Pools that a world draws, round by round."""

import hashlib

from models.worlds import world_of
from models.worlds.world import World
from tasks.pools.source import PoolChoice
from viper.errors import PoolError
from viper.pictures import PoolFile


class DrawnPool:
    """Pictures of a world, such as ``shapes:``. A picture's name is the address, the round's seed and its number."""

    def takes(self, uri: str) -> bool:
        """Whether the address is a world's."""
        return world_of(uri) is not None

    def choose(self, choice: PoolChoice) -> list[PoolFile]:
        """The round's pictures, sorted by the hash of their bytes."""
        names = [f"{choice.uri}{choice.draw.of()}/{number}" for number in range(choice.count)]
        files = [PoolFile(name=name, version=self.version(name)) for name in names]
        return sorted(files, key=lambda file: file.version)

    def sample(self, uri: str, count: int) -> list[PoolFile]:
        """Nothing: what is drawn is sound. Raises ``PoolError`` where the world draws no pool."""
        _world(uri).draw_picture(uri, 0, 0)
        return []

    def version(self, name: str) -> str:
        """The hash of its bytes, 64 hex digits."""
        return hashlib.sha256(self.read(name, 0)).hexdigest()

    def read(self, name: str, max_bytes: int) -> bytes:
        """Its bytes, whatever their number."""
        drawn, _, number = name.rpartition("/")
        address, colon, seed = drawn.partition(":")
        return _world(name).draw_picture(address + colon, int(seed), int(number))


def _world(uri: str) -> World:
    world = world_of(uri)
    if world is None:
        raise PoolError(f"{uri!r} is no address of a world that draws its pool.")
    return world
