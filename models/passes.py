"""Which prompts go through a model together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.prompt_reader import Prompt


def batches(prompts: Sequence["Prompt"], batch: int) -> list[tuple[int, ...]]:
    """Numbers of the prompts, those of similar length together."""
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i].images), len(prompts[i].text), i))
    return [tuple(order[start : start + batch]) for start in range(0, len(order), batch)]


def groups(prompts: Sequence["Prompt"], batch: int) -> list[list[list[int]]]:
    """Numbers of the prompts, those that are one object together, in passes of at most ``batch`` replies."""
    same: dict[int, list[int]] = {}
    for i, prompt in enumerate(prompts):
        same.setdefault(id(prompt), []).append(i)
    pieces = [own[start : start + batch] for own in same.values() for start in range(0, len(own), batch)]
    pieces.sort(key=lambda own: (len(prompts[own[0]].images), len(prompts[own[0]].text), own[0]))
    passes: list[list[list[int]]] = []
    room = 0
    for own in pieces:
        if len(own) > room:
            passes.append([])
            room = batch
        passes[-1].append(own)
        room -= len(own)
    return passes
