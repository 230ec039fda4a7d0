"""Wrong sentences planted into critiques: how many, which, and what becomes of the rest."""

import numpy as np
import pytest
from PIL import Image

from flows import synthesis_inputs as inputs
from flows.preflight import check_names
from models.payloads import Captions, Critique, Critiques
from models.selfcritique import unfiltered
from models.sentences import split_sentences
from models.worlds.shapes import grammar
from models.worlds.shapes.scene import Scene, Thing, render
from storage.manifest import PROVENANCE
from tasks.planting import plant_wrong_sentences
from tasks.shards import read_payload
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.errors import PoolError
from viper.records import ArtifactRef, Shard

CAPTION = "the top left holds a small green ring. the middle center holds a small red cross."
"""Of a small teal ring and a large red cross: a color and a size are wrong."""
TEAL, LARGE = "the object at the top left is teal, not green.", "the object at the middle center is large, not small."
RIGHT = {grammar.read_correction(TEAL), grammar.read_correction(LARGE)}
NOTHING = "nothing to correct."
PICTURE = render(
    Scene((Thing(0, "small", "teal", "ring"), Thing(4, "large", "red", "cross"))), np.random.default_rng(0)
)
IMAGES = [f"image-{number}" for number in range(50)]
DRAWN = (
    Critique(refinements=f"{TEAL} {LARGE}", refined="both", draws=(0, 1)),
    Critique(refinements=NOTHING, refined="", draws=(2,)),
    Critique(refinements="", refined="", draws=(3,), unusable="wrote no corrections"),
)


def planted(share: float, drawn: tuple[Critique, ...] = DRAWN) -> tuple[dict[str, tuple[Critique, ...]], ArtifactRef]:
    cut = cut_for(f"ablation.planted_share={share}")
    shard = shard_of(dict.fromkeys(IMAGES, Image.fromarray(PICTURE)))
    captions = stored("captions", Captions(dict.fromkeys(IMAGES, CAPTION)))
    critiques = stored("critiques", Critiques(dict.fromkeys(IMAGES, drawn)))
    worker = worker_for(cut)
    ref = done(plant_wrong_sentences, inputs.planted(cut, 1, shard, captions, critiques), worker)
    return read_payload(worker.store, ref, Critiques).root, ref


def sentences(critiques: tuple[Critique, ...]) -> list[str]:
    return [said for one in critiques for said in split_sentences(one.refinements) for _ in range(one.samples)]


def test_about_the_share_of_the_sentences_is_replaced_and_what_is_planted_is_wrong() -> None:
    found, ref = planted(0.4)
    facts = worker_for(cut_for()).store.manifest(ref).meta
    assert facts["sentences"] == 5 * len(IMAGES)
    # Of 250 sentences 100 are expected, with a deviation of 7.7.
    assert 70 <= int(str(facts["planted"])) <= 130
    said = [sentence for critiques in found.values() for sentence in sentences(critiques)]
    planted_ones = [sentence for sentence in said if sentence not in (TEAL, LARGE, NOTHING)]
    assert len(planted_ones) == facts["planted"]
    read = {grammar.read_correction(sentence) for sentence in planted_ones}
    assert None not in read
    assert read & RIGHT == set()
    assert len(read) > 20
    assert PROVENANCE in facts


def test_every_draw_is_kept_and_rewritten_by_what_it_says_now() -> None:
    found, _ = planted(0.4)
    for critiques in found.values():
        assert sum(one.samples for one in critiques) == 4
        assert sum(one.samples for one in critiques if one.unusable == "wrote no corrections") == 1
        for one in critiques:
            untouched = set(sentences((one,))) <= {TEAL, LARGE, NOTHING}
            expected = {"": "", NOTHING: "", f"{TEAL} {LARGE}": "both"}.get(one.refinements)
            assert untouched == (expected is not None)
            assert one.refined == (grammar.rewrite(CAPTION, one.refinements) if expected is None else expected)
    assert len(set(found.values())) > 10  # each image has draws of its own


def test_what_is_planted_is_said_by_the_draw_that_it_is_planted_in() -> None:
    apart = (
        Critique(refinements=TEAL, refined="x", draws=(0, 1, 2, 3)),
        Critique(refinements=LARGE, refined="y", draws=(0, 2)),
    )
    found, _ = planted(0.5, apart)
    for critiques in found.values():
        draws = sorted(draw for one in critiques for draw in one.draws)
        assert draws in ([0, 0, 1, 2, 2, 3], [0, 1, 2, 2, 3], [0, 0, 1, 2, 3])
        # What a loop without a filter takes is all of one draw, and nothing that was planted in another one.
        assert len(unfiltered(critiques)) <= 2
    assert sum(len(critiques) > 3 for critiques in found.values()) > 10


def test_all_or_none_can_be_replaced() -> None:
    everything, _ = planted(1.0)
    assert {TEAL, LARGE, NOTHING} & {
        said for critiques in everything.values() for said in sentences(critiques)
    } == set()


def test_the_share_counts_in_the_key_and_a_round_without_it_plants_nothing() -> None:
    shard = Shard(pool=stored("pool", facts={"images": 0}), number=0)
    made_of = (shard, stored("captions"), stored("critiques"))
    keys = {
        plant_wrong_sentences.key(inputs.planted(cut_for(f"ablation.planted_share={share}"), 1, *made_of))
        for share in (0.2, 0.4)
    }
    assert len(keys) == 2


def test_nothing_is_planted_where_nobody_knows_the_truth() -> None:
    with pytest.raises(
        PoolError, match=r"The truth is known for the pool of a world only; pool\.uri is './photographs'"
    ):
        check_names(cut_for("ablation.planted_share=0.2", "pool.uri=./photographs").settings)
