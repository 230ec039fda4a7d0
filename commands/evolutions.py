"""The evolutions of a store: how far each is, when it was last heard of, and what to type next."""

from commands.tables import TextTable, age, show_table
from commands.terminal import said, say, say_json
from commands.waiting import show_waiting, waiting
from storage.heartbeats import living
from storage.layout import evolution_prefix
from storage.ledger.requests import evolutions, last_request
from storage.ledger.rounds import finished_rounds
from storage.objects import ObjectStore
from viper.environment import store_root
from viper.errors import ProfileError, StoreError
from viper.records import Record

_FIRST = ("running", "waiting")
"""States that somebody looks for first."""


class Evolution(Record):
    """Where an evolution stands."""

    name: str
    state: str
    """``running``, ``collapsed``, ``waiting`` (for a person's decision), ``finished`` (as many rounds as were asked
    for), ``stopped``, or ``unreadable``."""
    finished: int
    """Finished rounds."""
    asked: int
    """Rounds that were asked for last; 0 where that cannot be read."""
    age_s: float
    """Seconds since something of it was written into the store."""
    next: str
    """What to type next; what is wrong where it is unreadable."""


def how_many() -> int:
    """How many evolutions the store holds."""
    return len(evolutions(ObjectStore(store_root())))


def show_evolutions(json: bool = False) -> None:
    """Print all evolutions of the store: what runs, what waits for a person, the others; of each the newest first."""
    store = ObjectStore(store_root())
    found = sorted((_evolution(store, name) for name in evolutions(store)), key=_urgency)
    if json:
        say_json({"store": store_root(), "evolutions": found, "queue": waiting()})
        return
    if not found:
        say(f"No evolution in {store_root()} yet: start one with `viper evolve`")
        show_waiting()
        return
    table = TextTable(f"Evolutions in {store_root()}")
    for name in ("evolution", "state", "rounds", "last written", "next"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(one.name, one.state, f"{one.finished} of {one.asked}", f"{age(one.age_s)} ago", one.next)
    show_table(table, 100)
    show_waiting()


def _urgency(one: Evolution) -> tuple[int, float]:
    return _FIRST.index(one.state) if one.state in _FIRST else len(_FIRST), one.age_s


def _evolution(store: ObjectStore, name: str) -> Evolution:
    beats = living(store_root(), name)
    ages = [*store.reference_ages(evolution_prefix(name)), *(seconds for _, seconds in beats)]
    written_s = min(ages, default=0.0)
    try:
        asked = last_request(store, name)
        finished = list(finished_rounds(store, name))
        waits = asked.settings.gate.approval and len(finished) < asked.rounds and _waits(name)
    except (ProfileError, StoreError) as error:
        return Evolution(name=name, state="unreadable", finished=0, asked=0, age_s=written_s, next=said(error))
    state, following = "stopped", f"viper resume {name}"
    if beats:
        state, following = "running", f"viper status {name}"
    elif finished and finished[-1].verdict.decision == "collapse":
        state, following = "collapsed", f"viper status {name}"
    elif waits:
        state, following = "waiting", f"viper champion approve {name} --reason WHY"
    elif len(finished) >= asked.rounds:
        state, following = "finished", f"viper resume {name} --rounds {len(finished) + 1}"
    return Evolution(
        name=name, state=state, finished=len(finished), asked=asked.rounds, age_s=written_s, next=following
    )


def _waits(name: str) -> bool:
    from flows.survey import waiting_question

    try:
        waiting_question(name)
    except ProfileError:
        return False
    return True
