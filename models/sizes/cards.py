"""Accelerators by name: memory and speed as their makers state them."""

from models.registry import look_up
from viper.errors import ProfileError
from viper.records import Record

USABLE = 0.95
"""Share of a card's memory that can be filled: an allocator leaves gaps between blocks."""


class Card(Record):
    """An accelerator."""

    name: str
    memory_bytes: int
    """As ``nvidia-smi`` shows it, all processes together."""
    flops: float
    """Multiplications and additions a second in bfloat16, dense."""
    bandwidth: float
    """Bytes a second between memory and processor."""
    source: str
    """Where the figures come from."""


CARDS = {
    name: Card(
        name=name,
        memory_bytes=memory_mib * 2**20,
        flops=flops,
        bandwidth=bandwidth,
        source=f"datasheet of NVIDIA {product}",
    )
    for name, memory_mib, flops, bandwidth, product in (
        ("A100", 81_920, 312e12, 2.04e12, "A100 80GB"),
        ("A100-40", 40_960, 312e12, 1.56e12, "A100 40GB"),
        ("L40S", 46_068, 362e12, 0.86e12, "L40S"),
        ("RTX4090", 24_564, 165e12, 1.01e12, "GeForce RTX 4090"),
        ("H100", 81_559, 989e12, 3.35e12, "H100 SXM"),
        ("H200", 143_771, 989e12, 4.8e12, "H200 SXM"),
        ("B200", 183_359, 2_250e12, 8e12, "B200"),
    )
}
"""By the name that ``viper plan --card`` takes."""


def find_card(name: str) -> Card:
    """The card of this name.

    Raises:
        ProfileError: There is none; the nearest name is given.
    """
    return look_up(CARDS, name, "card", ProfileError)


def processor(memory_bytes: int) -> Card:
    """One core of a CPU with so much memory; its speed is a guess at a core of a server."""
    return Card(name="cpu", memory_bytes=memory_bytes, flops=5e10, bandwidth=1e10, source="a guess at one core")
