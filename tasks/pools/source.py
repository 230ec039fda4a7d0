"""What a source of pool images is."""

from typing import Protocol

from viper.pictures import PoolFile
from viper.records import Record, Seed


class PoolChoice(Record):
    """Which images a round takes."""

    uri: str
    count: int
    """Images to take; fewer if the pool holds fewer."""
    round_number: int
    """Counts from 1."""
    order: Seed
    """Of the order in which the rounds go through the pool."""
    draw: Seed
    """Of pictures that are drawn for this round."""


class PoolSource(Protocol):
    """Lists the images that a round takes, and reads them one by one."""

    def takes(self, uri: str) -> bool:
        """Whether this source reads the pool at an address."""

    def choose(self, choice: PoolChoice) -> list[PoolFile]:
        """The files of one round, in the order in which they are cut into shards.

        Raises:
            PoolError: There are none.
            StoreError: They cannot be listed.
        """

    def sample(self, uri: str, count: int) -> list[PoolFile]:
        """Up to ``count`` files, which are looked at before any work starts. Raises as ``choose``."""

    def version(self, name: str) -> str:
        """The version of a file now; empty if it is gone.

        Raises:
            StoreError: It cannot be asked.
        """

    def read(self, name: str, max_bytes: int) -> bytes:
        """Its bytes; of a file larger than ``max_bytes``, just enough to see that it is.

        Raises:
            UnusableImage: It is gone, or cannot be read.
            StoreUnavailable: The place does not answer now.
        """
