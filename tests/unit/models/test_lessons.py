"""Lessons: the samples that are made of a shard's products, and their balance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models.lessons import LESSONS, find_lesson
from models.lessons.lesson import PictureOf, Sample, balance
from models.payloads import PRODUCTS, JudgedEdit, Operations, Payload, Refinement, Refinements
from models.prompts import Prompts
from models.worlds import find_world
from viper.errors import ProfileError

NOTHING = "nothing to correct."
CORRECTION = "the object at the top left is teal, not green."
CSR, VOP = find_lesson("csr"), find_lesson("vop")


def refinement(kept: bool, refinements: str = f"{CORRECTION} It is small.") -> Refinement:
    return Refinement(
        caption="a ring",
        refinements=refinements,
        refined="a teal ring",
        kept=kept,
        reason="accepted",
        gain=0.25,
        first_distance=0.5,
    )


def edit(image: str, kept: bool) -> JudgedEdit:
    return JudgedEdit(
        image=image,
        sentences=("remove the ring.", "add a cross."),
        regions=(0, 1),
        kinds=("remove", "add"),
        changes=(0.5, 0.25),
        kept=kept,
        reason="accepted",
    )


def test_csr_asks_for_the_refinements_that_were_kept() -> None:
    rows = Refinements({"b": refinement(True), "a": refinement(True), "c": refinement(False)})
    first, second = CSR.samples({"refinements": rows}, "caption: {caption} what is wrong?")
    assert (first.id, second.id) == ("a", "b")
    assert first.images == (PictureOf("pool", "a"),)
    assert first.prompt == "caption: a ring what is wrong?"
    assert first.truth == (CORRECTION, "It is small.")
    assert first.meta == {"lesson": "csr", "reason": "accepted", "gain": 0.25, "refined": "a teal ring"}


def test_vop_asks_for_the_operations_between_an_image_and_its_edit() -> None:
    rows = Operations({"b/1": edit("b", True), "a/0": edit("a", True), "a/1": edit("a", False)})
    first, second = VOP.samples({"operations": rows}, "what was changed?")
    assert (first.id, second.id) == ("a-0", "b-1")
    assert second.images == (PictureOf("pool", "b"), PictureOf("edits", "b/1"))
    assert second.prompt == "what was changed?"
    assert second.truth == ("remove the ring.", "add a cross.")
    assert second.meta == {"lesson": "vop", "kinds": ["remove", "add"], "changes": [0.5, 0.25]}


@pytest.mark.parametrize("name", LESSONS)
def test_lessons_need_products_that_exist_and_are_worded_by_the_world(name: str) -> None:
    lesson, words = find_lesson(name), find_world("photographs").prompts
    assert lesson.name == name
    assert set(lesson.needs) <= set(PRODUCTS)
    assert lesson.prompt(words) == {"csr": words.refine, "vop": words.predict}[name]


def test_a_product_of_another_kind_is_named() -> None:
    with pytest.raises(TypeError, match=r"'refinements' is a Operations. Expected Refinements"):
        CSR.samples({"refinements": Operations({})}, "")


def samples(correcting: int, silent: int) -> list[Sample]:
    truths = [CORRECTION] * correcting + [NOTHING] * silent
    mixed = np.random.default_rng(1).permutation(len(truths))
    return [Sample(f"r{number}", (), "", (truths[at],), {}) for number, at in enumerate(mixed)]


@pytest.mark.parametrize(
    ("correcting", "silent", "kept_silent"),
    [
        (80, 100, 20),  # a fifth of 100
        (80, 10, 10),  # fewer than a fifth
        (5, 295, 27),  # a champion whose captions are right: 32 rows in all
        (0, 10, 10),
    ],
)
def test_samples_without_a_correction_are_balanced_but_never_below_the_least(
    correcting: int, silent: int, kept_silent: int
) -> None:
    given = samples(correcting, silent)
    kept, left_out = balance(given, CSR, 0.2, 32, np.random.default_rng(0))
    assert (len(kept), left_out) == (correcting + kept_silent, silent - kept_silent)
    assert sum(map(CSR.teaches, kept)) == correcting
    assert kept == [sample for sample in given if sample in kept], "samples keep their order"


def test_those_that_are_left_out_are_drawn_by_the_generator() -> None:
    given = samples(80, 100)
    silent = [sample for sample in given if not CSR.teaches(sample)]
    expected = {silent[at].id for at in np.random.default_rng(7).permutation(100)[20:]}
    kept, _ = balance(given, CSR, 0.2, 32, np.random.default_rng(7))
    assert {sample.id for sample in given} - {sample.id for sample in kept} == expected


def test_every_operation_teaches_so_nothing_is_left_out() -> None:
    kept, left_out = balance(samples(5, 95), VOP, 0.2, 32, np.random.default_rng(0))
    assert (len(kept), left_out) == (100, 0)


def test_an_unknown_lesson_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ProfileError, match=r"Unknown lesson 'vopp'. Did you mean 'vop'\? Known here: csr, vop"):
        find_lesson("vopp")


def test_a_lesson_from_outside_is_found_and_balanced(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting:
        name = "dummy"
        needs: tuple[str, ...] = ("captions",)

        def prompt(self, prompts: Prompts) -> str:
            return prompts.caption

        def samples(self, products: Mapping[str, Payload[Any]], prompt: str) -> list[Sample]:
            return [Sample(image, (), prompt, (text,), {}) for image, text in products["captions"].root.items()]

        def teaches(self, sample: Sample) -> bool:
            return sample.truth != ("nothing",)

    monkeypatch.setitem(LESSONS, "dummy", Counting())
    lesson = find_lesson("dummy")
    captions = PRODUCTS["captions"]({"a": "three", "b": "nothing", "c": "nothing"})
    kept, left_out = balance(lesson.samples({"captions": captions}, "?"), lesson, 0.5, 1, np.random.default_rng(0))
    assert (len(kept), left_out) == (2, 1)
