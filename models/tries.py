"""Asks a writer until its replies can be used, a bounded number of times.

What is drawn depends on the item and the number of the try alone, so that a resumed step draws the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from models.written import read_statements
from viper.records import Seed

if TYPE_CHECKING:
    from models.prompt_reader import Prompt
    from models.roles import Writer

Found = TypeVar("Found")

NOT_READ = "reply could not be read"
"""Nothing in the reply states anything: it is empty, all reasoning, or a refusal."""


@dataclass(frozen=True)
class Unusable:
    """A reply that nothing can be made of."""

    reason: str
    """Why, in a few words."""


@dataclass(frozen=True)
class Tries:
    """How replies are drawn, and drawn again where they cannot be used."""

    most: int
    """Replies to one prompt."""
    temperature: float
    """Of the first try; 0 is greedy."""
    again: float
    """Temperature of the others: greedy, they would say the same once more."""
    seed: Seed
    """Of all draws; each item and try has its own."""
    max_new_tokens: int
    batch: int

    def draw(self, number: int, item: str) -> int:
        """The seed of one try at an item, ``number`` counting from 0."""
        return self.seed.of(f"{item}/try {number}" if number else item)


def ask(
    writer: "Writer", prompts: Mapping[str, "Prompt"], read: Callable[[str, str], Found | Unusable], tries: Tries
) -> tuple[dict[str, Found | Unusable], int]:
    """What was read of the reply to each prompt, and how many replies had to be asked for again.

    A reply that cannot be used is drawn anew at another seed, also where the first try was greedy.

    Args:
        writer: Who is asked.
        prompts: By item, in the order in which the answers come.
        read: What an item's reply says, or why it cannot be used; of the last try, that is the answer.
        tries: How replies are drawn.
    """
    found: dict[str, Found | Unusable] = {}
    left, again = list(prompts), 0
    for number in range(tries.most):
        again += len(left) if number else 0
        replies = writer.generate(
            [prompts[item] for item in left],
            max_new_tokens=tries.max_new_tokens,
            batch=tries.batch,
            temperature=tries.again if number else tries.temperature,
            seeds=[tries.draw(number, item) for item in left],
        )
        found |= {item: read(item, reply) for item, reply in zip(left, replies, strict=True)}
        left = [item for item in left if isinstance(found[item], Unusable)]
        if not left:
            break
    return {item: found[item] for item in prompts}, again


def unusable(reply: str, reason: str) -> Unusable:
    """A reply of which nothing can be used: for this reason, if it states anything at all."""
    return Unusable(reason if read_statements(reply) else NOT_READ)
