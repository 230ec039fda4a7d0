"""How far a round is, found out by the steps themselves: each looks for its artifact under its key and does no work.

So what a survey calls done is what a resume skips: there is no second record that could say something else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from storage.layout import checkpoint_step
from storage.objects import ObjectStore
from viper.errors import CorruptArtifact
from viper.records import ArtifactRef

Result = TypeVar("Result")

_MISSING = "0" * 64


@dataclass
class StepStanding:
    """One step, over its shards."""

    done: int = 0
    total: int = 0
    checkpoint: int = 0
    """Optimizer steps of the newest checkpoint, of a training that is not done."""
    steps: int = 0
    """Optimizer steps of a training, all together; 0 for other steps."""


@dataclass
class Survey:
    """What was seen of a round."""

    steps: dict[str, StepStanding] = field(default_factory=dict)
    """By name, in the order of the round, as far as its steps can be known."""

    def look(self, store: ObjectStore, name: str, key: str) -> ArtifactRef:
        """The artifact at ``key``; if there is none yet, a reference that leads nowhere, so no later key is found."""
        standing = self.steps.setdefault(name, StepStanding())
        standing.total += 1
        try:
            found = store.find(key)
            if found is not None:
                store.manifest(found)
        except CorruptArtifact:
            found = None
        if found is None:
            return ArtifactRef(kind=name, uri=key, sha256=_MISSING, size_bytes=0, content_sha256=_MISSING)
        standing.done += 1
        return found

    def look_for_checkpoints(self, store: ObjectStore, name: str, prefix: str, steps: int) -> None:
        """Note how far the training ``name`` is, whose checkpoints lie under ``prefix``."""
        saved = [checkpoint_step(key) for key in store.list(prefix)]
        self.steps.setdefault(name, StepStanding()).checkpoint = max(saved, default=0)
        self.steps[name].steps = steps


@dataclass(frozen=True)
class Seen(Generic[Result]):
    """Stands in for the future of a step that was only looked for."""

    seen: Result

    def result(self) -> Result:
        """What was seen."""
        return self.seen


_current: ContextVar[Survey | None] = ContextVar("survey", default=None)


def current_survey() -> Survey | None:
    """The survey that is going on; ``None`` while steps are to work."""
    return _current.get()


@contextmanager
def surveying() -> Iterator[Survey]:
    """Inside this context steps only look."""
    survey = Survey()
    token = _current.set(survey)
    try:
        yield survey
    finally:
        _current.reset(token)
