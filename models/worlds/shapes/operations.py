"""Chooses hard entities, writes visual operations for them, and asks if these happened: rules over the caption.

The rules look at nothing but the model's own words.
"""

from collections.abc import Collection, Sequence

import numpy as np

from models.payloads import Plan
from models.witness import WitnessQuestion
from models.worlds.shapes import grammar
from models.worlds.shapes.grammar import RECAST, Operation
from models.worlds.shapes.prompts import PROMPTS
from models.worlds.shapes.questions import EXISTS, PRESENT, SAME, YES_NO
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, LOOKALIKES, POSITIONS, Scene, Thing


def hardness(thing: Thing, doubted: set[int], things: Sequence[Thing]) -> float:
    """How hard an entity is to see: doubted by the model's own critiques, small, a look-alike word, or one nearby."""
    words = (thing.color, thing.shape)
    twins = sum(
        other != thing and {other.color, other.shape} & {LOOKALIKES.get(word) for word in words} != set()
        for other in things
    )
    return (
        1.0
        + 2.0 * (thing.cell in doubted)
        + (thing.size == "small")
        + sum(w in LOOKALIKES for w in words)
        + 0.5 * twins
    )


def write_operations(
    image: str,
    caption: str,
    critiques: Sequence[str],
    differs: Collection[int],
    max_operations: int,
    rng: np.random.Generator,
) -> Plan | None:
    """One to ``max_operations`` operations on distinct cells, hard entities first.

    Args:
        image: Id of the image that the operations are for.
        caption: The refined caption.
        critiques: All sampled critiques of the image; a cell that any of them corrects is in doubt.
        differs: Cells of which the caption does not tell the truth. Who takes a pink thing for a red one asks to make
            pink what is pink, so no operation is on them.
        max_operations: At most this many.
        rng: Draws entities, kinds and words.

    Returns:
        The plan, or ``None`` if the caption names no object rightly.
    """
    things = list({thing.cell: thing for thing in grammar.read_caption(caption)}.values())
    known = [thing for thing in things if thing.cell not in differs]
    if not known:
        return None
    doubts = (grammar.read_correction(s) for text in critiques for s in grammar.sentences(text))
    doubted = {doubt.cell for doubt in doubts if doubt}
    weights = np.asarray([hardness(thing, doubted, things) for thing in known])
    count = int(rng.integers(1, max_operations + 1))
    order = rng.choice(len(known), size=min(count, len(known)), replace=False, p=weights / weights.sum())
    scene = Scene(tuple(sorted(things)))
    taken = set(differs)
    operations: list[Operation] = []
    for index in order:
        operation = _write_one(known[int(index)], scene, taken, rng)
        if operation is None:
            continue
        operations.append(operation)
        taken |= operation.cells
    if not operations:
        return None
    operations.sort(key=lambda one: one.cell)
    return Plan(
        image=image,
        sentences=tuple(grammar.say_operation(operation, rng) for operation in operations),
        regions=tuple(sorted(frozenset().union(*(operation.cells for operation in operations)))),
        kinds=tuple(operation.kind for operation in operations),
        places=tuple(tuple(sorted(operation.cells)) for operation in operations),
    )


def _write_one(thing: Thing, scene: Scene, taken: set[int], rng: np.random.Generator) -> Operation | None:
    if thing.cell in taken:
        return None
    free = [cell for cell in range(9) if scene.at(cell) is None and cell not in taken]
    kinds = ["recolor", "resize", "reshape", "remove", *(("add", "move") if free else ())]
    weights = np.asarray([0.27, 0.1, 0.27, 0.08, 0.18, 0.1][: len(kinds)])
    kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
    if kind == "remove":
        return Operation("remove", thing.cell)
    if kind == "move":
        return Operation("move", thing.cell, target=free[int(rng.integers(len(free)))])
    if kind == "add":
        cell = free[int(rng.integers(len(free)))]
        drawn = {name: words[int(rng.integers(len(words)))] for name, words in ATTRIBUTE_WORDS.items()}
        return Operation("add", cell, thing=Thing(cell, **drawn))
    attribute = RECAST[kind]
    old = getattr(thing, attribute)
    words = [word for word in ATTRIBUTE_WORDS[attribute] if word != old]
    lookalikes = [word for word in words if word in LOOKALIKES]
    pool = lookalikes if lookalikes and rng.random() < 0.6 else words
    return Operation(kind, thing.cell, pool[int(rng.integers(len(pool)))])


def ask_whether(operation: str) -> list[WitnessQuestion]:
    """What tells whether an operation happened, by questions of the foundation's training alone.

    "The same in both pictures?" was asked there only of a place that holds an object in both, one attribute of which
    may be another. Where an object comes or goes, the edited picture is asked what is there. That an attribute has
    become another word can be asked by none of them, because the operation does not name the rest of the object.
    """
    one = grammar.read_operation(operation)
    if one is None:
        return []
    place = POSITIONS[one.cell]
    if one.kind in RECAST:
        return [WitnessQuestion(PROMPTS.wording.ask(SAME.format(position=place), YES_NO), "no", before=True)]
    if one.thing is not None:
        thing = one.thing
        text = EXISTS.format(size=thing.size, color=thing.color, shape=thing.shape, position=place)
        return [WitnessQuestion(PROMPTS.wording.ask(text), "yes", before=False)]
    gone = WitnessQuestion(PROMPTS.wording.ask(PRESENT.format(position=place), YES_NO), "no", before=False)
    if one.target is None:
        return [gone]
    come = PROMPTS.wording.ask(PRESENT.format(position=POSITIONS[one.target]), YES_NO)
    return [gone, WitnessQuestion(come, "yes", before=False)]
