"""Counts what was done twice, from what the processes noted."""

from dataclasses import dataclass, field
from typing import Any

from tests.small import CHECKPOINT_STEPS


@dataclass
class Repeats:
    """Work done twice, over all runs of a round."""

    shards: int = 0
    """Steps that were begun again because a kill had ended them."""
    optimizer_steps: int = 0
    violations: list[str] = field(default_factory=list)
    """What must never be: finished work done again, or more than one shard or checkpoint interval after one kill."""


def count_repeats(runs: list[list[dict[str, Any]]]) -> Repeats:
    """What was done twice in the runs of a round, each with the events of all its processes."""
    repeats = Repeats()
    done, begun = set[str](), set[str]()
    reached: dict[str, int] = {}
    for number, events in enumerate(runs):
        again = 0
        for event in events:
            if event["event"] == "begin" and not event["step"].startswith("training"):
                if event["key"] in done:
                    repeats.violations.append(f"run {number}: {event['step']} was done and was done again")
                again += event["key"] in begun
                begun.add(event["key"])
            elif event["event"] == "done":
                done.add(event["key"])
        if again > 1:
            repeats.violations.append(f"run {number}: {again} shards were done again")
        repeats.shards += again
        _count_steps(number, events, runs[number - 1] if number else [], reached, repeats)
    return repeats


def _count_steps(
    number: int,
    events: list[dict[str, Any]],
    before: list[dict[str, Any]],
    reached: dict[str, int],
    repeats: Repeats,
) -> None:
    uploaded = {event["key"] for event in before if event["event"] == "uploaded"}
    under_way = sum(event["event"] == "upload" and event["key"] not in uploaded for event in before)
    for event in events:
        stage = event.get("stage")
        if event["event"] == "from":
            again = max(0, reached.get(stage, 0) - event["step"])
            repeats.optimizer_steps += again
            # A checkpoint that was still on its way when the process died is not there.
            if again > CHECKPOINT_STEPS * (1 + under_way):
                repeats.violations.append(f"run {number}: {again} steps of {stage} were done again")
        elif event["event"] == "step":
            reached[stage] = max(reached.get(stage, 0), event["step"])
