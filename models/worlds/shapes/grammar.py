"""The language of the embedded world: captions, refinements, operations, and how to read them back.

Every fact has several phrasings of equal standing. ``say_*`` writes one of them, chosen by the random
generator; ``read_*`` takes any of them apart. A text is sentences joined by one space.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.worlds.shapes.scene import (
    ATTRIBUTE_WORDS,
    COARSE,
    COLORS,
    POSITIONS,
    SHAPES,
    SIZES,
    Attribute,
    Scene,
    Thing,
)

NOTHING_TO_CORRECT = ("nothing to correct.", "the caption is right.")

_CAPTION_PLACE_FIRST = (
    "at the {position} there is a {size} {color} {shape}.",
    "the {position} holds a {size} {color} {shape}.",
)
_CAPTION = ("a {size} {color} {shape} is at the {position}.", *_CAPTION_PLACE_FIRST)
_REFINE_WORD = (
    "the object at the {position} is {new}, not {old}.",
    "at the {position} the object should be {new} instead of {old}.",
)
_REFINE_SHAPE = (
    "the object at the {position} is a {new}, not a {old}.",
    "at the {position} the object should be a {new} instead of a {old}.",
)
_REFINE_MISSING = (
    "a {size} {color} {shape} at the {position} is missing.",
    "the caption misses a {size} {color} {shape} at the {position}.",
)
_REFINE_EXTRA = ("there is no object at the {position}.", "the object at the {position} does not exist.")
_OPERATION: dict[str, tuple[str, ...]] = {
    "recolor": (
        "change the color of the object at the {position} to {color}.",
        "make the object at the {position} {color}.",
    ),
    "resize": (
        "change the size of the object at the {position} to {size}.",
        "make the object at the {position} {size}.",
    ),
    "reshape": (
        "change the shape of the object at the {position} to a {shape}.",
        "turn the object at the {position} into a {shape}.",
    ),
    "remove": ("remove the object at the {position}.", "take away the object at the {position}."),
    "add": ("add a {size} {color} {shape} at the {position}.", "place a {size} {color} {shape} at the {position}."),
    "move": (
        "move the object at the {position} to the {target}.",
        "shift the object at the {position} to the {target}.",
    ),
}

OperationKind = Literal["recolor", "resize", "reshape", "remove", "add", "move"]
OPERATION_KINDS: tuple[OperationKind, ...] = ("recolor", "resize", "reshape", "remove", "add", "move")
RECAST: dict[OperationKind, Attribute] = {"recolor": "color", "resize": "size", "reshape": "shape"}


@dataclass(frozen=True)
class Correction:
    """One correction of a caption: an attribute of the object in a cell, an object missed, or one too many."""

    kind: Literal["attribute", "missing", "extra"]
    cell: int
    attribute: Attribute | None = None
    old: str = ""
    new: str = ""
    thing: Thing | None = None


@dataclass(frozen=True)
class Operation:
    """One edit: which object (by cell), and what becomes of it."""

    kind: OperationKind
    cell: int
    word: str = ""
    thing: Thing | None = None
    target: int | None = None

    def apply(self, scene: Scene) -> Scene:
        """The scene after the edit."""
        thing = scene.at(self.cell)
        if self.kind == "add":
            return scene.replaced(self.cell, self.thing)
        if thing is None or self.kind == "remove":
            return scene.replaced(self.cell, None)
        if self.kind == "move" and self.target is not None:
            moved = Thing(self.target, thing.size, thing.color, thing.shape)
            return scene.replaced(self.cell, None).replaced(self.target, moved)
        return scene.replaced(self.cell, with_word(thing, RECAST[self.kind], self.word))

    @property
    def cells(self) -> frozenset[int]:
        """The cells whose pixels the edit should change."""
        return frozenset({self.cell} if self.target is None else {self.cell, self.target})


def with_word(thing: Thing, attribute: Attribute, word: str) -> Thing:
    """The object with one attribute replaced."""
    return Thing(**{**thing.__dict__, attribute: word})


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its period; stray text without a period is kept as it is."""
    return [part.strip() for part in re.findall(r"[^.]+\.?", text) if part.strip()]


def _pick(rng: np.random.Generator, phrasings: tuple[str, ...]) -> str:
    return phrasings[int(rng.integers(len(phrasings)))]


def _words(thing: Thing) -> dict[str, str]:
    return {"size": thing.size, "color": thing.color, "shape": thing.shape, "position": thing.position}


def say_thing(thing: Thing, rng: np.random.Generator, place_first: bool = False) -> str:
    """One caption sentence, in any phrasing or in one that names the place before the object."""
    return _pick(rng, _CAPTION_PLACE_FIRST if place_first else _CAPTION).format(**_words(thing))


def say_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption: one sentence an object, in reading order."""
    return " ".join(say_thing(thing, rng) for thing in scene.things)


def say_correction(correction: Correction, rng: np.random.Generator) -> str:
    """One refinement sentence."""
    position = POSITIONS[correction.cell]
    if correction.kind == "extra":
        return _pick(rng, _REFINE_EXTRA).format(position=position)
    if correction.thing is not None:
        return _pick(rng, _REFINE_MISSING).format(**_words(correction.thing))
    phrasings = _REFINE_SHAPE if correction.attribute == "shape" else _REFINE_WORD
    return _pick(rng, phrasings).format(position=position, old=correction.old, new=correction.new)


def say_operation(operation: Operation, rng: np.random.Generator) -> str:
    """One operation sentence, which is also the editor's instruction."""
    fields = {"position": POSITIONS[operation.cell]}
    if operation.thing is not None:
        fields |= _words(operation.thing)
    if operation.target is not None:
        fields["target"] = POSITIONS[operation.target]
    if operation.kind in RECAST:
        fields[RECAST[operation.kind]] = operation.word
    return _pick(rng, _OPERATION[operation.kind]).format(**fields)


def _pattern(template: str) -> re.Pattern[str]:
    choices: dict[str, Iterable[str]] = {
        "size": SIZES,
        "color": COLORS,
        "shape": SHAPES,
        "position": POSITIONS,
        "target": POSITIONS,
        "old": [word for words in ATTRIBUTE_WORDS.values() for word in words],
        "new": [word for words in ATTRIBUTE_WORDS.values() for word in words],
    }
    regex = re.escape(template).replace(r"\{", "{").replace(r"\}", "}").replace(r"\ ", " ")
    for name, words in choices.items():
        regex = regex.replace("{" + name + "}", f"(?P<{name}>{'|'.join(words)})")
    return re.compile(regex)


_READ_CAPTION = tuple(map(_pattern, _CAPTION))
_READ_REFINE = tuple(map(_pattern, (*_REFINE_WORD, *_REFINE_SHAPE)))
_READ_MISSING = tuple(map(_pattern, _REFINE_MISSING))
_READ_EXTRA = tuple(map(_pattern, _REFINE_EXTRA))
_READ_OPERATION = {kind: tuple(map(_pattern, templates)) for kind, templates in _OPERATION.items()}


def _match(patterns: Iterable[re.Pattern[str]], sentence: str) -> dict[str, str] | None:
    found = (pattern.fullmatch(sentence.strip()) for pattern in patterns)
    return next((match.groupdict() for match in found if match), None)


def _thing(found: dict[str, str]) -> Thing:
    return Thing(POSITIONS.index(found["position"]), found["size"], found["color"], found["shape"])


def read_thing(sentence: str) -> Thing | None:
    """The object that a caption sentence names, ``None`` if it is no caption sentence."""
    found = _match(_READ_CAPTION, sentence)
    return _thing(found) if found else None


def read_caption(text: str) -> list[Thing]:
    """The objects that a caption names, in its order; sentences that do not parse are left out."""
    return [thing for thing in map(read_thing, sentences(text)) if thing]


def read_correction(sentence: str) -> Correction | None:
    """The correction in a sentence, ``None`` if it is not a refinement (or says that nothing is to correct)."""
    if found := _match(_READ_EXTRA, sentence):
        return Correction("extra", POSITIONS.index(found["position"]))
    if found := _match(_READ_MISSING, sentence):
        return Correction("missing", POSITIONS.index(found["position"]), thing=_thing(found))
    if found := _match(_READ_REFINE, sentence):
        for attribute, words in ATTRIBUTE_WORDS.items():
            if found["old"] in words and found["new"] in words:
                cell = POSITIONS.index(found["position"])
                return Correction("attribute", cell, attribute, found["old"], found["new"])
    return None


def read_operation(sentence: str) -> Operation | None:
    """The edit in an operation sentence, ``None`` if it is not one."""
    for kind in OPERATION_KINDS:
        found = _match(_READ_OPERATION[kind], sentence)
        if not found:
            continue
        cell = POSITIONS.index(found["position"])
        if kind == "add":
            return Operation(kind, cell, thing=_thing(found))
        target = POSITIONS.index(found["target"]) if kind == "move" else None
        return Operation(kind, cell, found[RECAST[kind]] if kind in RECAST else "", target=target)
    return None


def corrections(truth: Scene, named: Iterable[Thing]) -> list[Correction]:
    """What must be corrected so that a caption naming ``named`` describes ``truth``, in reading order."""
    caption = {thing.cell: thing for thing in named}
    found = []
    for cell in range(len(POSITIONS)):
        seen, said = truth.at(cell), caption.get(cell)
        if seen and said:
            found += [
                Correction("attribute", cell, attribute, getattr(said, attribute), getattr(seen, attribute))
                for attribute in ATTRIBUTE_WORDS
                if getattr(said, attribute) != getattr(seen, attribute)
            ]
        elif seen:
            found.append(Correction("missing", cell, thing=seen))
        elif said:
            found.append(Correction("extra", cell))
    return found


def rewrite(caption: str, refinements: str) -> str:
    """The caption with the refinements carried into it; sentences that no refinement speaks of stay as they are.

    Where refinements contradict each other the later one holds. What is not a caption sentence, or not a refinement, is
    left out.
    """
    said = {thing.cell: sentence for sentence in sentences(caption) if (thing := read_thing(sentence))}
    for one in map(read_correction, sentences(refinements)):
        if one is None:
            continue
        if one.kind == "extra":
            said.pop(one.cell, None)
        elif one.thing is not None and one.cell not in said:  # what the caption names is not missing
            said[one.cell] = _CAPTION_PLACE_FIRST[0].format(**_words(one.thing))
        elif one.attribute is not None and (thing := read_thing(said.get(one.cell, ""))):
            said[one.cell] = re.sub(rf"\b{getattr(thing, one.attribute)}\b", one.new, said[one.cell])
    return " ".join(said[cell] for cell in sorted(said))


def sample_operation(scene: Scene, rng: np.random.Generator, taken: Iterable[int] = ()) -> Operation:
    """An edit of the scene that changes it, outside the cells in ``taken``; kinds are equally likely where possible."""
    free = [cell for cell in range(len(POSITIONS)) if scene.at(cell) is None and cell not in set(taken)]
    full = [thing.cell for thing in scene.things if thing.cell not in set(taken)]
    kinds = [kind for kind in OPERATION_KINDS if (kind == "add" and free) or (kind != "add" and full)]
    kinds = [kind for kind in kinds if kind != "move" or free]
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind == "add":
        cell = free[int(rng.integers(len(free)))]
        drawn = {name: words[int(rng.integers(len(words)))] for name, words in ATTRIBUTE_WORDS.items()}
        return Operation(kind, cell, thing=Thing(cell, **drawn))
    cell = full[int(rng.integers(len(full)))]
    if kind == "move":
        return Operation(kind, cell, target=free[int(rng.integers(len(free)))])
    if kind == "remove":
        return Operation(kind, cell)
    old = getattr(scene.at(cell), RECAST[kind])
    words = [word for word in ATTRIBUTE_WORDS[RECAST[kind]] if word != old]
    return Operation(kind, cell, words[int(rng.integers(len(words)))])


def coarsen(text: str, rng: np.random.Generator, share: float) -> str:
    """The text with each fine word replaced by its coarse one with probability ``share`` (in [0, 1])."""
    return re.sub(
        r"\b(" + "|".join(COARSE) + r")\b",
        lambda match: COARSE[match[0]] if rng.random() < share else match[0],
        text,
    )
