"""What the embedded VLM is taught before any self-evolution: captions, questions, critiques, refinements, operations.

The captions of the last part are *coarse*, as web captions are: teal is called green and a ring a circle in a share
of the mentions. So the base sees fine differences but rarely says them, and self-evolution has something to mend.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.worlds.shapes import grammar
from models.worlds.shapes.grammar import Correction, with_word
from models.worlds.shapes.pictures import render_pair, with_cells
from models.worlds.shapes.prompts import PROMPTS
from models.worlds.shapes.questions import SUITE_QUESTIONS, ShapeQuestion
from models.worlds.shapes.scene import (
    ATTRIBUTE_WORDS,
    COARSE,
    POSITIONS,
    Scene,
    Thing,
    render,
    sample_scene,
    sample_thing,
)


@dataclass(frozen=True)
class Example:
    """One supervised example: pictures (48, 48, 3) uint8 in order, the prompt, the answer."""

    images: tuple[NDArray[np.uint8], ...]
    prompt: str
    answer: str
    scenes: tuple[Scene, ...] = ()
    """What the pictures show, where the example is to compare them with each other or with a caption."""
    named: tuple[Thing, ...] = ()
    """What the sentences of the caption in the prompt, or the question, name, in their order."""
    meant: tuple[frozenset[int], ...] = ()
    """The cells, picture by picture, whose objects a question asks for."""
    cell: int | None = None
    """Where one has to look to answer, if it is one cell."""


def coarse_thing(thing: Thing, rng: np.random.Generator, share: float) -> Thing:
    """The object as a casual observer names it: each fine word coarse with probability ``share``."""
    for attribute in ("color", "shape"):
        word = getattr(thing, attribute)
        if word in COARSE and rng.random() < share:
            thing = with_word(thing, attribute, COARSE[word])
    return thing


def imagine(scene: Scene, rng: np.random.Generator, share: float) -> list[Thing]:
    """What a caption writer who errs would name: coarse words, wrong attributes, objects left out or made up."""
    if rng.random() < 0.15:
        return list(scene.things)
    named = []
    for thing in scene.things:
        if rng.random() < 0.08:
            continue
        seen = coarse_thing(thing, rng, share)
        if rng.random() < 0.3:
            attribute = ("size", "color", "shape")[int(rng.integers(3))]
            words = ATTRIBUTE_WORDS[attribute]  # type: ignore[index]
            seen = with_word(seen, attribute, words[int(rng.integers(len(words)))])  # type: ignore[arg-type]
        named.append(seen)
    free = [cell for cell in range(len(POSITIONS)) if scene.at(cell) is None]
    if rng.random() < 0.08 or not named:
        named.append(sample_thing(rng, free[int(rng.integers(len(free)))]))
    return sorted(named)


def coarse_corrections(found: list[Correction], rng: np.random.Generator, share: float) -> list[Correction]:
    """The corrections that a casual observer would write; where fine and coarse differ he often sees none."""
    kept = []
    for one in found:
        if one.thing is not None:
            kept.append(Correction("missing", one.cell, thing=coarse_thing(one.thing, rng, share)))
        elif one.new in COARSE and rng.random() < share:
            if COARSE[one.new] != one.old:
                kept.append(Correction("attribute", one.cell, one.attribute, one.old, COARSE[one.new]))
        else:
            kept.append(one)
    return kept


def say_corrections(found: list[Correction], rng: np.random.Generator) -> str:
    """Refinement sentences in reading order, or the sentence that nothing is to correct."""
    if not found:
        return grammar.NOTHING_TO_CORRECT[int(rng.integers(len(grammar.NOTHING_TO_CORRECT)))]
    return " ".join(grammar.say_correction(one, rng) for one in found)


def say_things(things: Sequence[Thing], rng: np.random.Generator) -> str:
    """A caption that names the place before what is there: whoever writes it has chosen where to look."""
    return " ".join(grammar.say_thing(thing, rng, place_first=True) for thing in things)


def caption_example(rng: np.random.Generator, share: float, most: int = 4) -> Example:
    """Describe a picture."""
    scene = sample_scene(rng, 1, most)
    said = say_things([coarse_thing(thing, rng, share) for thing in scene.things], rng)
    return Example((render(scene, rng),), PROMPTS.caption, said)


def critique_example(rng: np.random.Generator, share: float, most: int = 4) -> Example:
    """Compare a picture with a painting of an erring caption, and correct the caption."""
    scene = sample_scene(rng, 1, most)
    named = imagine(scene, rng, max(share, 0.4))
    shown = Scene(tuple(named))
    answer = say_corrections(coarse_corrections(grammar.corrections(scene, named), rng, share), rng)
    prompt = PROMPTS.critique.format(caption=say_things(named, rng))
    return Example((render(scene, rng), render(shown, rng)), prompt, answer, (scene, shown), tuple(named))


def refine_example(rng: np.random.Generator, share: float, most: int = 4) -> Example:
    """Correct an erring caption from the picture alone."""
    scene = sample_scene(rng, 1, most)
    named = imagine(scene, rng, max(share, 0.4))
    answer = say_corrections(coarse_corrections(grammar.corrections(scene, named), rng, share), rng)
    prompt = PROMPTS.refine.format(caption=say_things(named, rng))
    return Example((render(scene, rng),), prompt, answer, (scene,), tuple(named))


def predict_example(rng: np.random.Generator, share: float, most: int = 4) -> Example:
    """Name the one to three operations between two pictures."""
    scene = edited = sample_scene(rng, 1, most)
    operations, taken = [], set[int]()
    for _ in range(int(rng.choice((1, 2, 3), p=(0.6, 0.25, 0.15)))):
        operation = grammar.sample_operation(edited, rng, taken)
        edited = operation.apply(edited)
        operations.append(operation)
        taken |= operation.cells
    before, after = render_pair(scene, operations, rng)
    said = [grammar.say_operation(operation, rng) for operation in sorted(operations, key=lambda one: one.cell)]
    answer = grammar.coarsen(" ".join(said), rng, share)
    return Example((before, after), PROMPTS.predict, answer, (scene, edited))


def casual_answer(question: ShapeQuestion, rng: np.random.Generator, share: float) -> str:
    """The answer of an observer who calls fine things by coarse words in a ``share`` of the mentions."""
    coarse = COARSE.get(question.answer)
    if coarse in question.options and rng.random() < share:
        return str(coarse)
    if question.category == "existence" and question.answer == "no":
        asked = question.named[0]
        thing = question.scenes[0].at(asked.cell)
        alike = thing and coarse_thing(thing, rng, 1.0) == coarse_thing(asked, rng, 1.0)
        if alike and rng.random() < share:
            return "yes"
    return question.answer


def draw_pictures_of(question: ShapeQuestion, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """The pictures of a question. Where it asks about one object in two pictures, only that object may differ."""
    images = [render(scene, rng) for scene in question.scenes]
    if question.category.startswith("object"):
        before, after = question.scenes
        window = [cell for cell in range(len(POSITIONS)) if before.at(cell) != after.at(cell)]
        images[1] = with_cells(images[0], images[1], window)
    return images


QUESTION_SHARES = {
    "coarse_perception": 0.12,
    "fine_perception": 0.16,
    "instance_reasoning": 0.2,
    "multi_image": 0.2,
    "hallucination": 0.12,
    "counting": 0.2,
}
"""Shares of the suites among the questions of the examples: what one has to search for or count takes longer."""


def question_example(rng: np.random.Generator, share: float, most: int = 4) -> Example:
    """Answer a question of any suite; ``most`` does not apply."""
    suites = list(QUESTION_SHARES)
    question = SUITE_QUESTIONS[suites[int(rng.choice(len(suites), p=list(QUESTION_SHARES.values())))]](rng)
    images = draw_pictures_of(question, rng)
    prompt = PROMPTS.wording.ask(question.text, question.options)
    answer = casual_answer(question, rng, share) + "."
    return Example(tuple(images), prompt, answer, question.scenes, question.named, question.meant, question.cell)


Curriculum = Mapping[Callable[[np.random.Generator, float, int], Example], float]
"""Kinds of examples and their shares of a batch, which add up to 1."""

EVERYTHING: Curriculum = {
    caption_example: 0.16,
    question_example: 0.38,
    critique_example: 0.14,
    refine_example: 0.17,
    predict_example: 0.15,
}
"""All tasks side by side, from the beginning to the end."""


def draw_example(rng: np.random.Generator, curriculum: Curriculum, share: float, most: int = 4) -> Example:
    """An example of a kind drawn by the curriculum, with light sensor noise on its pictures.

    Args:
        rng: Draws everything.
        curriculum: Kinds and their shares.
        share: Share of the fine words' mentions that are coarse, in [0, 1].
        most: Objects in a scene, at most.
    """
    kinds = list(curriculum)
    example = kinds[int(rng.choice(len(kinds), p=list(curriculum.values())))](rng, share, most)
    noise = [rng.normal(0, 2.5, image.shape) for image in example.images]
    images = [np.clip(image + n, 0, 255).astype(np.uint8) for image, n in zip(example.images, noise, strict=True)]
    return replace(example, images=tuple(images))
