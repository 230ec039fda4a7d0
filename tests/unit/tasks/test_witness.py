"""The VLM is asked whether operations happened, and its answers reject what the pixels keep."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from flows import edit_inputs as inputs
from models.payloads import Happened, Noise, Operations, Plan, Plans, Unwritten, Witnesses
from models.prompt_reader import Prompt
from models.selfcritique import ACCEPTED, DENIED, UNANSWERED
from models.worlds.photographs import PROMPTS
from models.worlds.shapes import grammar
from models.worlds.shapes.grammar import OPERATION_KINDS, Operation
from models.worlds.shapes.pictures import render_pair
from models.worlds.shapes.scene import Scene, Thing, sample_scene
from tasks.filtering import EditFilterInputs, filter_edits
from tasks.shards import read_payload
from tasks.step import key_of
from tasks.witness import ask_what_happened
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.profiles import load_profile, profile_names
from viper.records import ArtifactRef, Shard

CUT = cut_for("filter.ask_vlm=true")
OF_EACH_KIND = 4
RING, DISK = Thing(0, "small", "teal", "ring"), Thing(8, "large", "green", "circle")
PAINT, GROW = "make the object at the bottom right red.", "make the object at the top left large."


def drawn_pairs(count: int) -> dict[str, tuple[Image.Image, Image.Image, Operation, str]]:
    """Picture, perfect edit, operation and its sentence by image id; ``count`` of each kind."""
    found, wanted, number = {}, Counter(dict.fromkeys(OPERATION_KINDS, count)), 0
    while wanted.total():
        rng = np.random.default_rng([7, number])
        scene = sample_scene(rng)
        operation = grammar.sample_operation(scene, rng)
        number += 1
        if wanted[operation.kind]:
            wanted[operation.kind] -= 1
            before, after = map(Image.fromarray, render_pair(scene, [operation], rng))
            found[f"{number:03}"] = (before, after, operation, grammar.say_operation(operation, rng))
    return found


def plan_of(image: str, *sentences: str) -> Plan:
    operations = [one for one in map(grammar.read_operation, sentences) if one]
    places = tuple(tuple(sorted(one.cells)) for one in operations)
    regions = tuple(sorted({cell for each in places for cell in each}))
    kinds = tuple(one.kind for one in operations)
    return Plan(image=image, sentences=sentences, regions=regions, kinds=kinds, places=places)


def test_the_embedded_vlm_tells_edited_pictures_from_untouched_ones() -> None:
    worker, pairs = worker_for(CUT), drawn_pairs(OF_EACH_KIND)
    shard = shard_of({image: before for image, (before, *_) in pairs.items()})
    plans = {f"{image}/{number}": plan_of(image, said) for image, (*_, said) in pairs.items() for number in (0, 1)}
    pictures = {f"{image}/0": after for image, (_, after, *_) in pairs.items()}
    pictures |= {f"{image}/1": before for image, (before, *_) in pairs.items()}
    edits = stored("edits", Plans(plans), Unwritten({}), pictures=pictures)
    asked = done(ask_what_happened, inputs.witnesses(CUT, 1, CUT.base, shard, edits), worker)
    said = read_payload(worker.store, asked, Witnesses).root
    assert {name: list(each) for name, each in said.items()} == {
        name: list(plan.sentences) for name, plan in plans.items()
    }
    edited = [next(iter(said[f"{image}/0"].values())) for image in pairs]
    untouched = [next(iter(said[f"{image}/1"].values())) for image in pairs]
    assert len(edited) == OF_EACH_KIND * len(OPERATION_KINDS)
    assert edited.count("yes") >= 0.85 * len(edited), dict(zip(plans, edited, strict=False))
    assert untouched.count("no") >= 0.85 * len(untouched), dict(zip(plans, untouched, strict=False))
    facts = worker.store.manifest(asked).meta
    assert facts["said"] == dict(Counter(edited + untouched))
    # Asked in another order, an edit is told the same: greedy replies depend on nothing beside it.
    again = stored("edits", Plans(dict(reversed(plans.items()))), Unwritten({}), pictures=pictures)
    assert (
        read_payload(
            worker.store, done(ask_what_happened, inputs.witnesses(CUT, 1, CUT.base, shard, again), worker), Witnesses
        ).root
        == said
    )


def judged(answers: dict[str, dict[str, Happened]] | None, pictures: dict[str, Image.Image]) -> Operations:
    """The filter's decisions on edits of one picture, with and without the VLM's answers."""
    worker, (shard, edits) = worker_for(CUT), of_one_picture(pictures)
    said = stored("witnesses", Witnesses(answers)) if answers is not None else None
    made = done(filter_edits, inputs.operations(CUT, shard, edits, stored("noise", Noise(0.08)), said), worker)
    return read_payload(worker.store, made, Operations)


def of_one_picture(pictures: dict[str, Image.Image]) -> tuple[Shard, ArtifactRef]:
    plans = dict.fromkeys(pictures, plan_of("a", GROW, PAINT))
    return shard_of({"a": BEFORE}), stored("edits", Plans(plans), Unwritten({}), pictures=pictures)


BEFORE, BOTH = map(
    Image.fromarray,
    render_pair(
        Scene((RING, DISK)), [Operation("resize", 0, "large"), Operation("recolor", 8, "red")], np.random.default_rng(0)
    ),
)
_, ONE = map(
    Image.fromarray, render_pair(Scene((RING, DISK)), [Operation("recolor", 8, "red")], np.random.default_rng(0))
)
NAMES = [f"a/{number}" for number in range(4)]


def test_an_edit_that_the_pixels_keep_falls_by_an_operation_that_the_vlm_denies_or_leaves_open() -> None:
    answers: list[dict[str, Happened]] = [
        {GROW: "yes", PAINT: "yes"},
        {GROW: "yes", PAINT: "no"},
        {GROW: "no answer", PAINT: "yes"},
        {GROW: "no", PAINT: "no answer"},
    ]
    rows = judged(dict(zip(NAMES, answers, strict=True)), dict.fromkeys(NAMES, BOTH)).root
    assert [rows[name].reason for name in NAMES] == [ACCEPTED, DENIED, UNANSWERED, DENIED]
    assert [rows[name].kept for name in NAMES] == [True, False, False, False]
    unasked = judged(None, dict.fromkeys(NAMES, BOTH)).root
    assert {row.reason for row in unasked.values()} == {ACCEPTED}


def test_an_operation_that_is_left_out_of_the_plan_needs_no_witness_and_nothing_is_saved_by_one() -> None:
    idle: dict[str, Happened] = {GROW: "no", PAINT: "yes"}
    sure: dict[str, Happened] = {GROW: "yes", PAINT: "yes"}
    rows = judged({"a/0": idle, "a/1": sure}, {"a/0": ONE, "a/1": BEFORE}).root
    assert (rows["a/0"].kept, rows["a/0"].sentences, rows["a/0"].idle) == (True, (PAINT,), (GROW,))
    assert (rows["a/1"].kept, rows["a/1"].reason) == (False, "operation without effect")


def test_edits_are_found_under_the_keys_that_they_had_before_anybody_was_asked() -> None:
    shard, edits = of_one_picture({"a/0": BOTH})
    noise = stored("noise", Noise(0.08))
    unasked: EditFilterInputs = inputs.operations(CUT, shard, edits, noise)
    fields = {"rules": unasked.rules, "judge": unasked.judge, "shard": shard, "edits": edits, "noise": noise}
    assert filter_edits.key(unasked).endswith(key_of("operations", 6, fields))
    asked = inputs.operations(CUT, shard, edits, noise, stored("witnesses", Witnesses({})))
    assert filter_edits.key(asked) != filter_edits.key(unasked)


@pytest.mark.parametrize("profile", profile_names())
def test_no_shipped_profile_asks(profile: str) -> None:
    assert load_profile(profile).filter.ask_vlm is False


def test_a_general_vlm_is_shown_both_pictures_and_the_operation() -> None:
    cut = cut_for("world=photographs", "synthesis.writer=vlm", "filter.ask_vlm=true")
    asked = inputs.witnesses(cut, 1, cut.base, *of_one_picture({"a/0": BOTH}))
    (question,) = asked.questioning.of("Recolor the ball from red to yellow.")
    assert (question.confirms, question.before) == ("yes", True)
    assert question.text == PROMPTS.happened.format(operation="Recolor the ball from red to yellow.")


def test_what_is_no_answer_is_asked_for_again_and_confirms_nothing() -> None:
    # The embedded VLM was never taught the words of this prompt.
    cut = cut_for("world=photographs", "synthesis.writer=vlm", "filter.ask_vlm=true", "synthesis.tries=3")
    worker, (shard, edits) = worker_for(cut), of_one_picture({"a/0": BOTH})
    asked = inputs.witnesses(cut, 1, cut.base, shard, edits)
    made = done(ask_what_happened, asked, worker)
    said = read_payload(worker.store, made, Witnesses).root
    prompts = [Prompt(PROMPTS.happened.format(operation=one), (BEFORE, BOTH)) for one in (GROW, PAINT)]
    replies = worker.vlm(asked.vlm).generate(prompts, max_new_tokens=asked.max_new_tokens, batch=asked.batch)
    assert not {"yes", "no"} & {word.strip(".,") for reply in replies for word in reply.split()}, replies
    assert set(said["a/0"].values()) == {"no answer"}
    assert worker.store.manifest(made).meta["asked_again"] == 2 * 2
