"""A pool source from outside: pictures of one color, at addresses such as ``dummy:``."""

import hashlib
import io

from PIL import Image

from tasks.pools.source import PoolChoice
from viper.pictures import PoolFile

COLORS = ("red", "green", "blue", "yellow")


class DummyPool:
    """A picture a color."""

    def takes(self, uri: str) -> bool:
        """Its own addresses."""
        return uri.startswith("dummy:")

    def choose(self, choice: PoolChoice) -> list[PoolFile]:
        """The first colors."""
        return self.sample(choice.uri, choice.count)

    def sample(self, uri: str, count: int) -> list[PoolFile]:
        """The first colors."""
        names = [f"{uri}{color}" for color in COLORS[:count]]
        return [PoolFile(name=name, version=self.version(name)) for name in names]

    def version(self, name: str) -> str:
        """The hash of its bytes."""
        return hashlib.sha256(self.read(name, 0)).hexdigest()

    def read(self, name: str, max_bytes: int) -> bytes:
        """The bytes of its PNG file."""
        buffer = io.BytesIO()
        Image.new("RGB", (24, 24), name.rpartition(":")[2]).save(buffer, "PNG")
        return buffer.getvalue()
