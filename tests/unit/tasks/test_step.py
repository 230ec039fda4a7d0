"""Keys and seeds of steps."""

import hashlib
import json

from storage.manifest import LINEAGE, PROVENANCE
from tasks.pools.files import FilePool
from tasks.pools.source import PoolChoice
from tasks.step import Inputs, key_of
from tests.loop import cut_for, stored
from viper.records import ArtifactRef, ModelRef, Occasion, Seed, Shard

CUT = cut_for()


class Made(Inputs):
    source: ArtifactRef
    shard: Shard
    model: ModelRef
    occasion: Occasion
    margin: float = 0.5
    parts: tuple[ArtifactRef, ...] = ()

    @property
    def title(self) -> str:
        return "make"


def made(**changed: object) -> Made:
    ref = stored("captions", facts={"count": 2})
    values = {
        "source": ref,
        "shard": Shard(pool=ref, number=0),
        "model": ModelRef(name="base", settings_path="./here", fingerprint="f"),
        "occasion": Occasion(evolution="a", round_number=1),
    }
    return Made.model_validate({**values, **changed})


def test_a_key_is_the_hash_of_name_version_and_what_counts_of_the_inputs() -> None:
    inputs = made()
    content = {"kind": "captions", "content": inputs.source.content_sha256}
    counted = {
        "source": content,
        "shard": content,
        "model": "f",
        "occasion": None,
        "margin": 0.5,
        "parts": [],
    }
    text = json.dumps({"step": "next", "version": 3, "inputs": counted}, sort_keys=True)
    assert key_of("next", 3, inputs) == hashlib.sha256(text.encode()).hexdigest()
    assert len({key_of("next", 3, inputs), key_of("other", 3, inputs), key_of("next", 4, inputs)}) == 3


def test_what_decides_moves_the_key_and_where_things_lie_does_not() -> None:
    key, ref = key_of("next", 1, made()), made().source
    moves = [
        {"margin": 0.6},
        {"source": stored("captions", facts={"count": 3})},
        {"model": ModelRef(name="base", settings_path="./here", fingerprint="g")},
        {"parts": (ref,)},
        {"parts": (ref, stored("captions", facts={"count": 3}))},
        {"parts": (ref, ref)},
    ]
    assert len({key, *(key_of("next", 1, made(**one)) for one in moves)}) == 7
    elsewhere = [
        {"source": stored("captions", facts={"count": 2, PROVENANCE: {"made": "otherwise"}})},
        {"source": stored("captions", facts={"count": 2, LINEAGE: {"evolution": "another"}})},
        {"source": ref.model_copy(update={"uri": "results/elsewhere/k"})},
        {"shard": Shard(pool=ref, number=7)},
        {"model": ModelRef(name="round 3", settings_path="/there", fingerprint="f")},
        {"occasion": Occasion(evolution="b", round_number=2, settings_sha256="s")},
    ]
    assert {key_of("next", 1, made(**one)) for one in elsewhere} == {key}


def test_seeds_differ_by_round_step_item_and_evolution_seed() -> None:
    seeds = [
        CUT.seed(1, "noise").of("x"),
        CUT.seed(2, "noise").of("x"),
        CUT.seed(1, "critique").of("x"),
        CUT.seed(1, "noise").of("y"),
        cut_for("seed=18").seed(1, "noise").of("x"),
    ]
    assert len(set(seeds)) == 5
    assert all(0 <= seed < 2**62 for seed in seeds)
    # By hand: the first 8 bytes of SHA-256 of "17/1/noise/x", without the last two bits.
    digest = hashlib.sha256(b"17/1/noise/x").digest()
    assert seeds[0] == int.from_bytes(digest[:8], "big") // 4


def test_rounds_take_other_files_until_the_pool_is_used_up(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for number in range(10):
        (tmp_path / f"{number}.png").write_bytes(b"x")

    def taken(round_number: int) -> set[str]:
        order, draw = Seed(evolution=1, round_number=0, step="pool"), Seed(evolution=1, round_number=1, step="pool")
        choice = PoolChoice(uri=str(tmp_path), count=4, round_number=round_number, order=order, draw=draw)
        return {file.name for file in FilePool().choose(choice)}

    first, second, third = map(taken, (1, 2, 3))
    assert not first & second
    assert len(first) == len(second) == len(third) == 4
    assert len(first | second | third) == 10
