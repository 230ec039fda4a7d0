"""Questions about scenes, with options and answers: for the foundation's examples and for the benchmarks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.worlds.shapes.scene import (
    ATTRIBUTE_WORDS,
    COLORS,
    GRID,
    LOOKALIKES,
    POSITIONS,
    SHAPES,
    Attribute,
    Scene,
    Thing,
    sample_scene,
    sample_thing,
)

SAME = "is the object at the {position} the same in both pictures?"
PRESENT = "is there an object at the {position}?"
EXISTS = "is there a {size} {color} {shape} at the {position}?"
YES_NO = ("yes", "no")
NUMBERS = ("zero", "one", "two", "three", "four", "five")
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "center", "right")


@dataclass(frozen=True)
class ShapeQuestion:
    """A question about one scene, or about two in order. Yes/no questions have no options."""

    text: str
    answer: str
    options: tuple[str, ...]
    category: str
    scenes: tuple[Scene, ...]
    meant: tuple[frozenset[int], ...]
    """The cells, picture by picture, whose objects one has to find to answer."""
    cell: int | None = None
    """Where one has to look, if it is one cell."""
    named: tuple[Thing, ...] = ()
    """The object that the question describes in full, if it does."""


def _choose(rng: np.random.Generator, values: list[int] | list[str] | tuple[str, ...]) -> str | int:
    return values[int(rng.integers(len(values)))]


def _options(rng: np.random.Generator, words: tuple[str, ...], answer: str, count: int = 4) -> tuple[str, ...]:
    """The answer, its look-alike if it has one, and others, in random order."""
    others = [word for word in words if word not in (answer, LOOKALIKES.get(answer))]
    rng.shuffle(others)
    lookalike = [LOOKALIKES[answer]] if LOOKALIKES.get(answer) in words else []
    options = [answer, *lookalike, *others][: min(count, len(words))]
    rng.shuffle(options)
    return tuple(options)


def _filled(scene: Scene) -> frozenset[int]:
    return frozenset(thing.cell for thing in scene.things)


def ask_attribute(rng: np.random.Generator, attribute: Attribute | None = None) -> ShapeQuestion:
    """Fine-grained perception: an attribute of the object at a position."""
    scene = sample_scene(rng)
    attribute = attribute or ("color", "shape", "size")[int(rng.choice(3, p=[0.4, 0.4, 0.2]))]
    thing = scene.things[int(rng.integers(len(scene.things)))]
    answer = getattr(thing, attribute)
    options = _options(rng, ATTRIBUTE_WORDS[attribute], answer)
    text = f"what {attribute} is the object at the {thing.position}?"
    return ShapeQuestion(text, answer, options, attribute, (scene,), (frozenset({thing.cell}),), thing.cell)


def ask_presence(rng: np.random.Generator) -> ShapeQuestion:
    """Coarse perception: is a cell, a row or a column empty? Half of the answers are yes."""
    yes, kind = bool(rng.random() < 0.5), int(rng.integers(3))
    while True:
        scene = sample_scene(rng)
        number = int(rng.integers(GRID * GRID if kind == 0 else GRID))
        if kind == 0:
            text, cells = PRESENT.format(position=POSITIONS[number]), [number]
        elif kind == 1:
            text, cells = f"does the {_ROWS[number]} row have an object?", [number * GRID + i for i in range(GRID)]
        else:
            text, cells = (
                f"does the {_COLUMNS[number]} column have an object?",
                [i * GRID + number for i in range(GRID)],
            )
        filled = frozenset(cell for cell in cells if scene.at(cell))
        if bool(filled) == yes:
            category = ("cell", "row", "column")[kind]
            cell = number if kind == 0 else None
            return ShapeQuestion(text, "yes" if yes else "no", YES_NO, category, (scene,), (filled,), cell)


def ask_instance(rng: np.random.Generator) -> ShapeQuestion:
    """Instance reasoning: find the one object with an attribute, then say where it is or what else it is."""
    while True:
        scene = sample_scene(rng, min_things=2)
        by: Attribute = ("color", "shape")[int(rng.integers(2))]
        thing = scene.things[int(rng.integers(len(scene.things)))]
        word = getattr(thing, by)
        close = {word, LOOKALIKES.get(word)}
        if sum(getattr(other, by) in close for other in scene.things) > 1:
            continue
        named = f"{word} object" if by == "color" else word
        meant = (frozenset({thing.cell}),)
        if rng.random() < 0.5:
            others = [position for position in POSITIONS if position != thing.position]
            options = [thing.position, *(others[i] for i in rng.choice(len(others), 3, replace=False))]
            rng.shuffle(options)
            text = f"where is the {named}?"
            return ShapeQuestion(text, thing.position, tuple(options), "where", (scene,), meant, thing.cell)
        other: Attribute = "shape" if by == "color" else "color"
        answer = getattr(thing, other)
        text = f"what {other} is the {named}?"
        options = list(_options(rng, ATTRIBUTE_WORDS[other], answer))
        return ShapeQuestion(text, answer, tuple(options), f"what {other}", (scene,), meant, thing.cell)


def ask_comparison(rng: np.random.Generator) -> ShapeQuestion:
    """Two pictures: which has more objects, or is the object at a position the same in both?"""
    if rng.random() < 0.5:
        answer = ("first", "second", "same")[int(rng.integers(3))]
        while True:
            first, second = sample_scene(rng), sample_scene(rng)
            gap = len(first.things) - len(second.things)
            if answer == ("same" if gap == 0 else "first" if gap > 0 else "second"):
                text, options = "which picture has more objects?", ("first", "second", "same")
                filled = (_filled(first), _filled(second))
                return ShapeQuestion(text, answer, options, "count", (first, second), filled)
    scene = sample_scene(rng)
    thing = scene.things[int(rng.integers(len(scene.things)))]
    yes = bool(rng.random() < 0.5)
    other, attribute = scene, "same"
    if not yes:
        attribute = ("color", "shape", "size")[int(rng.integers(3))]
        words = [w for w in ATTRIBUTE_WORDS[attribute] if w != getattr(thing, attribute)]  # type: ignore[index]
        changed = type(thing)(**{**thing.__dict__, attribute: _choose(rng, words)})
        other = scene.replaced(thing.cell, changed)
    text = SAME.format(position=thing.position)
    answer, meant = "yes" if yes else "no", (frozenset({thing.cell}),) * 2
    return ShapeQuestion(text, answer, YES_NO, f"object {attribute}", (scene, other), meant, thing.cell)


def ask_existence(rng: np.random.Generator) -> ShapeQuestion:
    """Hallucination: is there such an object? Half of the answers are yes; a no differs in one attribute."""
    scene = sample_scene(rng)
    thing = scene.things[int(rng.integers(len(scene.things)))]
    yes = bool(rng.random() < 0.5)
    asked = thing
    while not yes and asked in scene.things:
        attribute = ("cell", "size", "color", "shape")[int(rng.integers(4))]
        drawn = sample_thing(rng, int(rng.integers(len(POSITIONS))))
        asked = type(thing)(**{**thing.__dict__, attribute: getattr(drawn, attribute)})
    text = EXISTS.format(size=asked.size, color=asked.color, shape=asked.shape, position=asked.position)
    meant = (_filled(scene) & {asked.cell},)
    return ShapeQuestion(text, "yes" if yes else "no", (), "existence", (scene,), meant, asked.cell, (asked,))


def ask_count(rng: np.random.Generator) -> ShapeQuestion:
    """Counting: all objects, or those of a color or shape. Answers are spread evenly over what can occur."""
    if rng.random() < 0.5:
        scene = sample_scene(rng)
        options = NUMBERS[1:5]
        text, answer = "how many objects are there?", NUMBERS[len(scene.things)]
        return ShapeQuestion(text, answer, options, "all", (scene,), (_filled(scene),))
    wanted, by = int(rng.integers(3)), ("color", "shape")[int(rng.integers(2))]
    words = tuple(COLORS) if by == "color" else SHAPES
    word = str(_choose(rng, words))
    others = [other for other in words if other != word]
    cells = rng.choice(GRID * GRID, size=int(rng.integers(max(1, wanted), 5)), replace=False)
    things = []
    for number, cell in enumerate(cells):
        drawn = sample_thing(rng, int(cell))
        value = word if number < wanted else str(_choose(rng, others))
        things.append(type(drawn)(**{**drawn.__dict__, by: value}))
    named = f"{word} objects" if by == "color" else f"{word} shape objects"
    options = NUMBERS[0:4]
    meant = (frozenset(int(cell) for cell in cells[:wanted]),)
    text, scene = f"how many {named} are there?", Scene(tuple(sorted(things)))
    return ShapeQuestion(text, NUMBERS[wanted], options, by, (scene,), meant)


SUITE_QUESTIONS: dict[str, Callable[[np.random.Generator], ShapeQuestion]] = {
    "coarse_perception": ask_presence,
    "fine_perception": ask_attribute,
    "instance_reasoning": ask_instance,
    "multi_image": ask_comparison,
    "hallucination": ask_existence,
    "counting": ask_count,
}
"""How each suite of the embedded world asks."""
