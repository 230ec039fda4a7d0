"""The harness itself: its plans cover every place, and its counts find what must never be."""

import random
from typing import Any

from tests.kill.plan import SERVERS, STEPS, all_kills, rounds_of_kills
from tests.kill.repeats import count_repeats


def begin(key: str) -> dict[str, Any]:
    return {"event": "begin", "step": "captions", "key": key}


def done(key: str) -> dict[str, Any]:
    return {"event": "done", "step": "captions", "key": key}


def steps(first: int, last: int) -> list[dict[str, Any]]:
    ran = [{"event": "step", "stage": "csr", "step": step} for step in range(first + 1, last + 1)]
    return [{"event": "from", "stage": "csr", "step": first}, *ran]


def test_a_plan_covers_every_step_outside_and_inside_and_is_the_same_for_a_seed() -> None:
    planned = [kill for one in rounds_of_kills(200, 3, servers=True) for kill in one]
    assert planned == [kill for one in rounds_of_kills(200, 3, servers=True) for kill in one]
    assert planned != [kill for one in rounds_of_kills(200, 4, servers=True) for kill in one]
    places = {kill.place for kill in planned}
    assert {f"{where} {step}" for step in STEPS for where in ("before", "inside", "after")} <= places
    assert {"reference of checkpoints", "reference of datasets", "upload of csr", "upload of vop"} <= places
    assert {kill.target for kill in planned} == {"flow", "training", *SERVERS}
    assert {kill.target for kill in all_kills(random.Random(1), servers=False)} == {"flow", "training"}
    for one in rounds_of_kills(200, 3, servers=True):
        assert [kill.order for kill in one] == sorted(kill.order for kill in one)


def test_an_interrupted_shard_may_be_done_again_and_a_finished_one_may_not() -> None:
    repeats = count_repeats([[begin("a"), done("a"), begin("b")], [begin("b"), done("b"), begin("c"), done("c")]])
    assert (repeats.shards, repeats.violations) == (1, [])
    assert count_repeats([[begin("a"), done("a")], [begin("a")]]).violations
    assert count_repeats([[begin("a"), begin("b")], [begin("a"), begin("b")]]).violations


def test_at_most_a_checkpoint_interval_is_trained_again_or_what_was_on_its_way() -> None:
    assert count_repeats([steps(0, 3), steps(2, 4)]).optimizer_steps == 1
    assert count_repeats([steps(0, 4), steps(2, 4)]).violations == []
    assert count_repeats([steps(0, 3), steps(0, 4)]).violations
    lost = {"event": "upload", "key": "2"}
    assert count_repeats([[*steps(0, 3), lost], steps(0, 4)]).violations == []
    assert count_repeats([[*steps(0, 3), lost, {**lost, "event": "uploaded"}], steps(0, 4)]).violations
