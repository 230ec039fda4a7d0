"""Each step of a round on six pictures, with expectations read off the scenes by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flows import edit_inputs, training_inputs
from flows import synthesis_inputs as inputs
from models.nothing import says_nothing
from models.payloads import Captions, Critiques, Distances, Judgements, Operations, Plans, Refinements
from models.sentences import split_sentences
from models.worlds.shapes.grammar import corrections, read_caption, read_correction
from models.worlds.shapes.parser import read_scene
from storage.datasets import read_dataset
from storage.objects import ObjectStore
from tasks.contamination import hash_suite
from tasks.critique import critique_paintings
from tasks.editing import edit_images, write_operations
from tasks.evaluation import answer_questions, read_replies
from tasks.filtering import filter_critiques, filter_edits
from tasks.generation import caption_images
from tasks.judging import judge_corrections
from tasks.pool import check_taken, list_pool, read_listing, rejections, take_images
from tasks.reconstruction import measure_noise, paint_captions
from tasks.rewriting import put_together
from tasks.shards import read_payload, read_pictures
from tasks.suites import fix_suite
from tasks.verdict import decide_on_candidate, read_verdict
from tasks.versioning import version_dataset
from tasks.worker import Worker
from tests.golden.six import SCENES, pictures
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.records import ArtifactRef

CUT = cut_for(
    "filter.seeds=2",
    "filter.max_residual_noise=4",  # six easy captions have three quarters of the noise of a round's
    "filter.min_samples=1",
    "synthesis.batch=144",
    "benchmarks.limit=4",
    "gate.resamples=200",
)
RIGHT = ("b", "c", "e")
"""Images whose captions the base gets right."""
NAMED = {"a": ("ring",), "d": ("diamond", "pink"), "f": ("brown",)}
"""The words that are missing in a caption."""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIPER_HOME", str(tmp_path_factory.mktemp("home")))
        yield worker_for(CUT)


@pytest.fixture(scope="module")
def round_(worker: Worker) -> dict[str, ArtifactRef]:
    """The products of the six pictures by name."""
    shard = shard_of(pictures())
    found = {"pool": shard.pool}
    found["captions"] = done(caption_images, inputs.captions(CUT, 1, CUT.base, shard), worker)
    found["paintings"] = done(paint_captions, inputs.paintings(CUT, 1, shard, found["captions"]), worker)
    critiques = inputs.critiques(CUT, 1, CUT.base, shard, found["captions"], found["paintings"])
    found["critiques"] = done(critique_paintings, critiques, worker)
    found["noise"] = done(measure_noise, inputs.noise(CUT, 1, found["captions"], found["paintings"]), worker)
    said = [found[name] for name in ("captions", "paintings", "critiques")]
    found["judgements"] = done(judge_corrections, inputs.judgements(CUT, 1, shard, *said, found["noise"]), worker)
    together = inputs.unions(CUT, 1, CUT.base, shard, found["captions"], found["critiques"], found["judgements"])
    found["unions"] = done(put_together, together, worker)
    judged = [*said, found["judgements"], found["unions"], found["noise"]]
    found["refinements"] = done(filter_critiques, inputs.refinements(CUT, 1, shard, *judged), worker)
    plans = edit_inputs.plans(CUT, 1, CUT.base, shard, found["critiques"], found["refinements"])
    found["plans"] = done(write_operations, plans, worker)
    found["edits"] = done(edit_images, edit_inputs.edits(CUT, 1, shard, found["plans"]), worker)
    found["operations"] = done(filter_edits, edit_inputs.operations(CUT, shard, found["edits"], found["noise"]), worker)
    for lesson in ("csr", "vop"):
        products = {name: [found[name]] for name in ("refinements", "operations", "edits")}
        version = inputs.dataset(CUT, 1, lesson, CUT.base, [shard], products, None)
        found[lesson] = done(version_dataset, version, worker)
    return found


def test_the_pool_gives_the_pictures_of_the_folder_but_for_broken_and_benchmark_ones(
    tmp_path: Path, worker: Worker
) -> None:
    for name, picture in pictures().items():
        picture.save(tmp_path / f"{name}.png")
    (tmp_path / "g.png").write_bytes(b"\x89PNG broken")
    cut = cut_for(f"pool.uri={tmp_path}", "pool.images_per_round=7", "synthesis.shard_images=4")
    suite = stored("hashes", facts={"suite": "held"})
    assert suite.kind == "hashes"
    listing = done(list_pool, inputs.listing(cut, 1), worker)
    files = read_listing(worker.store, listing)
    assert {Path(file.name).name for file in files} == {f"{name}.png" for name in "abcdefg"}
    (tmp_path / "f.png").write_bytes((tmp_path / "a.png").read_bytes() + b"x")  # replaced after the round began
    taken = [done(take_images, one, worker) for one in inputs.takes(cut, files, [])]
    shards = check_taken(worker.store, taken, str(tmp_path), 0.5)
    assert [shard.number for shard in shards] == [0, 1]
    found = [picture for shard in shards for picture in read_pictures(worker.store, shard.pool).values()]
    expected = [picture for name, picture in pictures().items() if name != "f"]
    assert sorted(one.tobytes() for one in found) == sorted(one.tobytes() for one in expected)
    found = rejections([worker.store.manifest(ref).meta for ref in taken])
    rejected = {Path(name).name: reason for name, reason in found.items()}
    assert rejected == {"g.png": "not an image", "f.png": "changed since the round began"}


def test_a_benchmark_picture_is_left_out_of_the_pool(tmp_path: Path, worker: Worker) -> None:
    cut = cut_for(f"pool.uri={tmp_path}", "benchmarks.limit=2", "benchmarks.suites=['fine_perception']")
    file = done(fix_suite, inputs.suite(cut, "fine_perception"), worker)
    hashes = done(hash_suite, inputs.hashes(cut, "fine_perception", file), worker)
    from storage.suite_shards import ShardImages, read_questions

    (name,) = read_questions(worker.store, file, 0)[0]["images"]
    (tmp_path / "known.png").write_bytes(ShardImages(worker.store, file, 0).read(name))
    pictures()["a"].save(tmp_path / "own.png")
    files = read_listing(worker.store, done(list_pool, inputs.listing(cut, 1), worker))
    (taken,) = (done(take_images, one, worker) for one in inputs.takes(cut, files, [hashes]))
    assert worker.store.manifest(taken).meta["images"] == 1
    assert rejections([worker.store.manifest(taken).meta]) == {
        str(tmp_path / "known.png"): "in benchmark fine_perception"
    }


def test_captions_name_every_thing_at_its_place_and_look_alikes_by_the_commoner_word(
    round_: dict[str, ArtifactRef], worker: Worker
) -> None:
    captions = read_payload(worker.store, round_["captions"], Captions).root
    said = {name: {thing.cell: thing for thing in read_caption(text)} for name, text in captions.items()}
    for name, scene in SCENES.items():
        assert sorted(said[name]) == [thing.cell for thing in scene.things]
        assert {thing.size for thing in said[name].values()} == {thing.size for thing in scene.things}
    for name in RIGHT:
        assert tuple(said[name].values()) == SCENES[name].things
    # teal is known from its size here; ring, pink, diamond and brown are said coarsely.
    assert (said["a"][0].color, said["a"][0].shape) == ("teal", "circle")
    assert (said["d"][8].color, said["d"][8].shape) == ("red", "square")
    assert (said["f"][3].color, said["f"][3].shape) == ("orange", "triangle")


def test_paintings_of_right_captions_are_nearer_than_those_of_wrong_ones(
    round_: dict[str, ArtifactRef], worker: Worker
) -> None:
    distances = read_payload(worker.store, round_["paintings"], Distances).root
    # Also a ring for a circle in a small thing.
    assert min(distances[name] for name in "adf") > max(distances[name] for name in RIGHT)
    painted = read_pictures(worker.store, round_["paintings"])
    for name in RIGHT:
        assert read_scene(np.asarray(painted[name])).things == SCENES[name].things


def test_critiques_name_the_missed_words_and_rewrite_the_caption_by_each(
    round_: dict[str, ArtifactRef], worker: Worker
) -> None:
    critiques = read_payload(worker.store, round_["critiques"], Critiques).root
    captions = read_payload(worker.store, round_["captions"], Captions).root
    for name, words in NAMED.items():
        for word in words:
            naming = [one for one in critiques[name] if f" {word}" in one.refinements and one.refined]
            assert naming, f"nobody said {word} of {name}"
            assert word not in captions[name]
            assert any(word in one.refined for one in naming)
    for each in critiques.values():
        assert all(len(split_sentences(one.refinements)) <= 1 for one in each)
        assert all(bool(one.refined) != bool(one.unusable) for one in each if not says_nothing(one.refinements))
        # The same caption is painted once, in whatever words it was corrected.
        refined = [one.refined for one in each if one.refined]
        assert len(refined) == len(set(refined))


def test_the_verdict_on_each_correction_is_that_of_its_scene(round_: dict[str, ArtifactRef], worker: Worker) -> None:
    verdicts = read_payload(worker.store, round_["judgements"], Judgements).root
    captions = read_payload(worker.store, round_["captions"], Captions).root
    for name, each in verdicts.items():
        needed = corrections(SCENES[name], read_caption(captions[name]))
        for sentence, verdict in each.items():
            said = read_correction(sentence)
            assert said is not None
            right = any((one.cell, one.attribute, one.new) == (said.cell, said.attribute, said.new) for one in needed)
            assert verdict.kept == right, (name, sentence, verdict)
    assert sum(map(len, verdicts.values())) >= 4


def test_the_filter_keeps_what_the_paintings_bear_out(round_: dict[str, ArtifactRef], worker: Worker) -> None:
    rows = read_payload(worker.store, round_["refinements"], Refinements).root
    captions = read_payload(worker.store, round_["captions"], Captions).root
    for name, row in rows.items():
        assert row.kept
        assert row.reason == ("nothing to correct" if name in RIGHT else "accepted")
        # With all that draws named, the captions are exact.
        assert sorted(read_caption(row.refined)) == list(SCENES[name].things)
        assert row.refined == captions[name] if name in RIGHT else row.refined != captions[name]
        assert says_nothing(row.refinements) == (name in RIGHT)
        assert row.last_distance < row.first_distance if name in NAMED else row.last_distance == row.first_distance
    facts = worker.store.manifest(round_["refinements"]).meta
    assert facts["reasons"] == {"accepted": 3, "nothing to correct": 3}


def _inside(cell: int) -> tuple[slice, slice]:
    """The pixels of a cell of the grid."""
    row, column = divmod(cell, 3)
    return slice(16 * row, 16 * row + 16), slice(16 * column, 16 * column + 16)


def test_operations_are_planned_and_drawn_where_they_say(round_: dict[str, ArtifactRef], worker: Worker) -> None:
    plans = read_payload(worker.store, round_["plans"], Plans).root
    judged = read_payload(worker.store, round_["operations"], Operations).root
    edited = read_pictures(worker.store, round_["edits"])
    assert set(plans) == set(edited) == set(judged) == {f"{name}/0" for name in SCENES}
    for name, plan in plans.items():
        before, after = (np.asarray(one, dtype=int) for one in (pictures()[plan.image], edited[name]))
        changed = {
            cell
            for cell in range(9)
            if np.abs(before - after)[cell // 3 * 16 : cell // 3 * 16 + 16, cell % 3 * 16 : cell % 3 * 16 + 16].max()
            > 100
        }
        assert plan.regions is not None
        assert changed == set(plan.regions)
        assert (judged[name].kept, judged[name].reason) == (True, "accepted")


def test_dataset_versions_hold_the_kept_rows_with_their_pictures(
    round_: dict[str, ArtifactRef], worker: Worker, tmp_path: Path
) -> None:
    csr, vop = (read_dataset(worker.store, round_[lesson], tmp_path / lesson) for lesson in ("csr", "vop"))
    rows = {row["id"]: row for row in csr}
    # Beside three corrections a fifth of the rows may say nothing: 3 / 0.8 x 0.2 = 0.75, so none of the three is left.
    assert set(rows) == set(NAMED)
    refinements = read_payload(worker.store, round_["refinements"], Refinements).root
    for name, row in rows.items():
        assert row["prompt"] == f"caption: {refinements[name].caption} what must be corrected?"
        assert " ".join(row["truth"]) == refinements[name].refinements
        assert [one.convert("RGB").tobytes() for one in row["images"]] == [pictures()[name].tobytes()]
    edited = read_pictures(worker.store, round_["edits"])
    assert [row["id"] for row in vop] == [f"{name}-0" for name in sorted(SCENES)]
    for row in vop:
        name = row["id"].replace("-", "/")
        assert [one.convert("RGB").tobytes() for one in row["images"]] == [
            pictures()[name[0]].tobytes(),
            edited[name].tobytes(),
        ]
    lineage: Any = worker.store.manifest(round_["csr"]).meta["lineage"]
    assert (lineage["lesson"], lineage["round"], lineage["left_out_for_balance"]) == ("csr", 1, 3)
    assert worker.store.manifest(round_["csr"]).meta["instructive"] == 3


def _replies(store: ObjectStore, role: str, scores: list[float]) -> ArtifactRef:
    rows = [
        {"index": str(n), "unit": str(n), "category": "all", "score": score, "options": [], "answer": "yes"}
        for n, score in enumerate(scores)
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    return store.commit(f"results/replies/{role}", "replies", {"replies.jsonl": lines.encode()})


def test_questions_are_answered_and_scored_by_the_letter_of_the_right_option(worker: Worker) -> None:
    file = done(fix_suite, inputs.suite(CUT, "coarse_perception"), worker)
    part = done(answer_questions, training_inputs.answers(CUT, CUT.base, "coarse_perception", file, 0), worker)
    replies = read_replies(worker.store, [part])
    assert len(replies) == 4
    for reply in replies:
        right = reply["options"]["ABCD".index(reply["answer"])]
        others = [option for option in reply["options"] if option != right]
        said = reply["reply"].rstrip(".").split()
        named = right in said and not any(other in said for other in others)
        assert reply["score"] == float(named), reply


@pytest.mark.parametrize(
    ("candidate", "decision"),
    [([1.0] * 60 + [0.0] * 40, "promote"), ([1.0] * 20 + [0.0] * 80, "keep champion"), ([0.0] * 100, "collapse")],
)
def test_the_gate_promotes_what_is_certainly_better_and_nothing_else(
    worker: Worker, candidate: list[float], decision: str
) -> None:
    base = [1.0] * 30 + [0.0] * 70
    parts = {
        "base": _replies(worker.store, "base", base),
        "champion": _replies(worker.store, "champion", base),
        "candidate": _replies(worker.store, f"{decision.replace(' ', '-')}", candidate),
    }
    suites = {role: {"hallucination": [part]} for role, part in parts.items()}
    captions = stored("captions", Captions({"a": "a small ring.", "b": "a large cross here."}))
    said = {"base": captions, "candidate": captions}
    ref = done(decide_on_candidate, training_inputs.verdict(CUT, 1, suites, said), worker)
    assert read_verdict(worker.store, ref).decision == decision
    row = read_verdict(worker.store, ref).suites[0]
    assert (row.base, row.candidate) == (30.0, sum(candidate))


def test_pictures_are_what_their_scenes_say() -> None:
    for name, picture in pictures().items():
        assert isinstance(picture, Image.Image)
        assert read_scene(np.asarray(picture)).things == SCENES[name].things
