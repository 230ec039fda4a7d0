"""Where and what to kill: every step's boundary and inside, references, checkpoints, processes and servers."""

import random
from dataclasses import asdict, dataclass

STEPS = (
    *(
        "listing",
        "pool",
        "captions",
        "paintings",
        "noise",
        "critiques",
        "judgements",
        "unions",
        "refinements",
        "plans",
        "edits",
        "operations",
    ),
    *("training csr", "training vop", "suite", "replies", "verdict", "report"),
)
"""In the order of a round."""
REFERENCES = {
    **{step: step for step in STEPS if not step.startswith("training")},
    "datasets": "operations",
    "checkpoints": "training csr",
    "model": "training vop",
    "round's report": "report",
    "round's verdict": "report",
}
"""What a reference is of, and the step after which it is written."""
SERVERS = ("s3", "mlflow", "prefect")


@dataclass(frozen=True)
class Kill:
    """One SIGKILL."""

    target: str
    """``flow``, ``training``, or a server."""
    place: str
    """Where the process that kills is."""
    visits: int
    """At which visit of the place."""
    delay_s: float
    """How long after it."""
    order: int
    """Where in the round it is: kills of one round are made in this order."""

    @property
    def kind(self) -> str:
        """What the table counts it as."""
        where = self.place.partition(" ")[0]
        named = {"before": "at a step's boundary", "after": "at a step's boundary", "inside": "inside a step"}
        named |= {"reference": "inside a reference's write", "upload": "inside a checkpoint's upload"}
        named |= {"step": "between optimizer steps"}
        return f"{self.target}, {named[where]}"

    @property
    def ends_the_run(self) -> bool:
        """A run outlives its servers."""
        return self.target not in SERVERS

    def as_plan(self, server: str) -> dict[str, object]:
        """For ``victim.py``. ``server`` is the file that holds the server's process id; empty for its own process."""
        return {**asdict(self), "server": server}


def all_kills(random_: random.Random, servers: bool) -> list[Kill]:
    """Every place once, with seeded visits and delays."""
    kills: list[Kill] = []
    for number, step in enumerate(STEPS):
        training = step.startswith("training")
        visits = 1 if training or step in {"listing", "verdict", "report"} else random_.choice((1, 2))
        delay_s = random_.uniform(0, 20 if training else 0.6)
        kills.append(Kill("flow", f"before {step}", visits, 0, 10 * number))
        kills.append(Kill("flow", f"inside {step}", 1, delay_s, 10 * number + 1))
        kills.append(Kill("flow", f"after {step}", visits, 0, 10 * number + 9))
        if servers:
            server = random_.choice(SERVERS)
            kills.append(Kill(server, f"inside {step}", 1, delay_s, 10 * number + 2))
    for what, step in REFERENCES.items():
        target = "training" if what == "checkpoints" else "flow"
        delay_s = random_.choice((0.0, random_.uniform(0, 0.004)))
        kills.append(Kill(target, f"reference of {what}", 1, delay_s, 10 * STEPS.index(step) + 5))
    for stage in ("csr", "vop"):
        order = 10 * STEPS.index(f"training {stage}")
        kills.append(Kill("training", f"step {random_.choice((1, 2, 3, 4))} of {stage}", 1, 0, order + 3))
        upload_delay_s = random_.uniform(0, 0.3)
        kills.append(Kill("training", f"upload of {stage}", random_.choice((1, 2)), upload_delay_s, order + 4))
    return kills


def rounds_of_kills(count: int, seed: int, servers: bool, a_round: int = 6) -> list[list[Kill]]:
    """At least ``count`` kills, ``a_round`` a round in the round's order; every place comes before one comes twice."""
    random_ = random.Random(seed)
    left: list[Kill] = []
    planned: list[list[Kill]] = []
    while sum(map(len, planned)) < count:
        if len(left) < a_round:
            left += random_.sample(kills := all_kills(random_, servers), len(kills))
        planned.append(sorted(left[:a_round], key=lambda kill: kill.order))
        left = left[a_round:]
    return planned
