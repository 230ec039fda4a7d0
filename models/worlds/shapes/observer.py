"""The perfect observer of the embedded world: it reads pictures by ``parser`` and sentences by ``grammar``."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from models.observer import Mark, Marks
from models.worlds.shapes import grammar
from models.worlds.shapes.grammar import Correction
from models.worlds.shapes.parser import read_scene
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, LOOKALIKES, POSITIONS, Scene, Thing, sample_thing

UNREADABLE = "unreadable"


class SceneObserver:
    """Compares what is said with the scene in the picture."""

    kinds: tuple[str, ...] = (
        "missing",
        "invented",
        "color, fine",
        "color, coarse",
        "shape, fine",
        "shape, coarse",
        "size",
        UNREADABLE,
    )
    """Fine are the words that are taken for each other, such as teal and green; all other words are coarse."""

    def mark(self, picture: NDArray[np.uint8], caption: str, sentences: Iterable[str]) -> Marks:
        """Needed corrections, and which sentences make them."""
        needed = grammar.corrections(read_scene(picture), grammar.read_caption(caption))
        return Marks(
            needed=tuple(map(_kind, needed)),
            said={sentence: _mark(grammar.read_correction(sentence), needed) for sentence in sentences},
        )

    def is_carried_out(self, picture: NDArray[np.uint8], edited: NDArray[np.uint8], operations: Iterable[str]) -> bool:
        """Whether the edited picture reads as the scene that the operations make."""
        scene = read_scene(picture)
        for operation in map(grammar.read_operation, operations):
            if operation is None:
                return False
            scene = operation.apply(scene)
        try:
            return read_scene(edited) == scene
        except ValueError:
            return False

    def wrong_correction(self, picture: NDArray[np.uint8], caption: str, rng: np.random.Generator) -> str:
        """An object that is not there, one there that shall not exist, or a wrong word for one that is named."""
        scene, named = read_scene(picture), grammar.read_caption(caption)
        needed = grammar.corrections(scene, named)
        said = _draw(named, scene, rng)
        while _mark(said, needed).answers is not None:
            said = _draw(named, scene, rng)
        return grammar.say_correction(said, rng)


def _kind(correction: Correction) -> str:
    if correction.kind != "attribute":
        return {"missing": "missing", "extra": "invented"}[correction.kind]
    if correction.attribute == "size":
        return "size"
    fine = LOOKALIKES.get(correction.old) == correction.new or LOOKALIKES.get(correction.new) == correction.old
    return f"{correction.attribute}, {'fine' if fine else 'coarse'}"


def _mark(said: Correction | None, needed: list[Correction]) -> Mark:
    if said is None:
        return Mark(kind=UNREADABLE, answers=None)
    makes = (number for number, one in enumerate(needed) if _outcome(one) == _outcome(said))
    return Mark(kind=_kind(said), answers=next(makes, None))


def _outcome(one: Correction) -> tuple[object, ...]:
    """What a caption says after the correction, whatever it said before."""
    return one.kind, one.cell, one.attribute, one.new, one.thing


def _draw(named: list[Thing], scene: Scene, rng: np.random.Generator) -> Correction:
    """A correction of any kind, each equally often. What is said to be missing is nowhere: it is not half right."""
    free = sorted(set(range(len(POSITIONS))) - {thing.cell for thing in (*named, *scene.things)})
    kinds = [*(["missing"] if free else []), *(["extra", "attribute"] if named else [])]
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind == "missing":
        cell = free[int(rng.integers(len(free)))]
        return Correction("missing", cell, thing=sample_thing(rng, cell))
    thing = named[int(rng.integers(len(named)))]
    if kind == "extra":
        return Correction("extra", thing.cell)
    attribute = list(ATTRIBUTE_WORDS)[int(rng.integers(len(ATTRIBUTE_WORDS)))]
    old = getattr(thing, attribute)
    words = [word for word in ATTRIBUTE_WORDS[attribute] if word != old]
    return Correction("attribute", thing.cell, attribute, old, words[int(rng.integers(len(words)))])
