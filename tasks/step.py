"""What a step is: a name, a version, and a function of one frozen record and a worker.

The function sees nothing else, so what it computes is decided by its inputs alone, and the key of its artifact is the
hash of name, version and inputs. Nothing is declared twice and nothing can be forgotten. Before a step works, an
artifact is looked for under its key; what is found is never computed again, on any machine.
"""

import hashlib
import json
import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from storage.layout import is_history, result_key
from storage.manifest import PROVENANCE
from viper.errors import CorruptArtifact
from viper.records import ArtifactRef, Record

if TYPE_CHECKING:
    from storage.objects import Content, ObjectStore
    from tasks.worker import Worker

log = logging.getLogger("viper")


class Inputs(Record):
    """Everything that decides what a step makes."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What the step does, as people see it."""


In = TypeVar("In", bound=Inputs)
Role = Literal["vlm", "painter", "editor", "judge", "training"]
"""Whose models a step works with; a training loads its own, in a process of its own."""


@dataclass(frozen=True)
class Made:
    """What a step made: the entries of its artifact and small facts about them.

    Nothing that differs between two runs of the same step may be in it: later keys are made of an artifact's content.
    """

    entries: "Mapping[str, Content]"
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    kind: str = ""
    """What the artifact is; by default the step's name."""


@dataclass(frozen=True)
class Step(Generic[In]):
    """One step of a round."""

    name: str
    """The kind of its artifact, and the folder of its results."""
    version: int
    """Raised by hand when the function changes what it computes."""
    compute: "Callable[[In, Worker], Made]"
    place: Callable[[In, str], str]
    """The key of its artifact, from its inputs and their hash."""
    progress: "Callable[[In, ObjectStore], tuple[int, int]] | None" = None
    """Of a step that keeps checkpoints: how many units the newest one has behind it, and of how many."""
    roles: tuple[Role, ...] = ()
    """Whose models it works with. Those of others leave the memory before; a step without any leaves them there."""
    items: "Callable[[In, ObjectStore], int] | None" = None
    """Of a step that is done once a shard: how many pictures or questions a shard has, 0 where it takes no time. Shards
    may be done beside each other."""

    def key(self, inputs: In) -> str:
        """Where the artifact of these inputs lies in the store."""
        return self.place(inputs, key_of(self.name, self.version, inputs))


class MakesStep(Protocol):
    """Makes a step of a function."""

    def __call__(self, function: "Callable[[In, Worker], Made]") -> Step[In]:
        """The step."""


def step(
    name: str,
    version: int,
    place: Callable[[Any, str], str] | None = None,
    progress: "Callable[[Any, ObjectStore], tuple[int, int]] | None" = None,
    roles: tuple[Role, ...] = (),
    items: "Callable[[Any, ObjectStore], int] | None" = None,
) -> MakesStep:
    """Decorator that makes a function of inputs and worker a step; its arguments are the fields of ``Step``."""

    def among_results(_: Inputs, key: str) -> str:
        return result_key(name, key)

    def decorate(function: "Callable[[In, Worker], Made]") -> Step[In]:
        return Step(name, version, function, place or among_results, progress, roles, items)

    return decorate


def key_of(name: str, version: int, inputs: object) -> str:
    """SHA-256 over a step's name, its version and the identity of its inputs, 64 hex digits."""
    text = json.dumps({"step": name, "version": version, "inputs": _identity(inputs)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(value: object) -> Any:
    """What counts of a value, as JSON: records say it themselves, settings count whole."""
    if isinstance(value, Record):
        return _identity(value.identity())
    if isinstance(value, BaseModel):
        return {name: _identity(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(name): _identity(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_identity(item) for item in value]
    return value


def find_made(step: Step[In], inputs: In, store: "ObjectStore") -> ArtifactRef | None:
    """The step's artifact if it was done before. What is damaged is removed, so that it is computed again.

    Raises:
        CorruptArtifact: History lies damaged under the key.
    """
    key = step.key(inputs)
    try:
        found = store.find(key)
        if found is not None:
            store.manifest(found)
            log.info("%s: done before, reused", inputs.title)
    except CorruptArtifact as error:
        if is_history(key):
            raise
        log.warning("%s", error)
        store.delete(key)
        return None
    return found


def perform(step: Step[In], inputs: In, worker: "Worker") -> tuple[ArtifactRef, bool]:
    """The step's artifact, and whether it was done before: found under its key, or computed and committed.

    Raises:
        CorruptArtifact: History lies damaged under the key.
    """
    key, title, store = step.key(inputs), inputs.title, worker.store
    if (found := find_made(step, inputs, store)) is not None:
        return found, True
    began = time.monotonic()
    with worker.working_on(title, step.roles):
        made = step.compute(inputs, worker)
        provenance = {PROVENANCE: inputs.model_dump(mode="json")}
        ref = store.commit(key, made.kind or step.name, made.entries, {**made.facts, **provenance})
    log.info("%s: %.1f s, %s kB", title, time.monotonic() - began, f"{ref.size_bytes / 1000:,.0f}")
    return ref, False
