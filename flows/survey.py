"""What is done of a round, and what a resume would skip and do: the same walk through the steps, computing nothing.

Each step is looked for under its key. So what a survey calls done is what a resume skips: there is no second record
that could say something else. No Prefect server is needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flows.cut import Cut
from flows.round import make_candidate
from flows.synthesis import make_data
from storage.ledger.champions import champion_before
from storage.objects import ObjectStore
from tasks.step import In, Step
from viper.errors import Collapsed, CorruptArtifact, PoolError
from viper.records import ArtifactRef

Result = TypeVar("Result")

_MISSING = "0" * 64


@dataclass
class Standing:
    """One kind of step, over its shards."""

    done: int = 0
    total: int = 0
    checkpoint: int = 0
    """Units behind the newest checkpoint, of a step that keeps checkpoints and is not done."""
    units: int = 0
    """Its units, all together; 0 for other steps."""


@dataclass(frozen=True)
class Seen:
    """Stands in for the pending artifact of a step that was only looked for."""

    seen: ArtifactRef

    def result(self) -> ArtifactRef:
        """What was seen."""
        return self.seen


@dataclass
class Survey:
    """A runner that looks for artifacts and does no work."""

    store: ObjectStore
    steps: dict[str, Standing] = field(default_factory=dict)
    """By name, in the order of the round, as far as its steps can be known."""

    def submit(self, step: Step[In], inputs: In) -> Seen:
        """The artifact of the step; if there is none yet, a reference that leads nowhere, so no later key is found."""
        name = inputs.title.partition(" from ")[0] if step.progress else step.name
        standing, key = self.steps.setdefault(name, Standing()), step.key(inputs)
        standing.total += 1
        if step.progress:
            standing.checkpoint, standing.units = step.progress(inputs, self.store)
        try:
            found = self.store.find(key)
            if found is not None:
                self.store.manifest(found)
        except CorruptArtifact:
            found = None
        if found is None:
            nowhere = ArtifactRef(kind=step.name, uri=key, sha256=_MISSING, size_bytes=0, content_sha256=_MISSING)
            return Seen(nowhere)
        standing.done += 1
        return Seen(found)

    def group(self, title: str, walk: Callable[..., Result], *arguments: object) -> Result:
        """What the walk sees."""
        return walk(self, *arguments)

    def forget(self, ref: ArtifactRef) -> None:
        """Nothing: a survey changes nothing."""

    def release(self) -> None:
        """Nothing was loaded."""


def survey_round(store: ObjectStore, cut: Cut, round_number: int, parents: Mapping[str, ArtifactRef]) -> Survey:
    """How far a round is, up to its replies; what follows takes seconds.

    Steps whose inputs cannot be known yet are not in it.
    """
    survey = Survey(store)
    champion = champion_before(store, cut.settings.evolution, round_number) or cut.base
    try:
        made = make_data(survey, cut, round_number, cut.synthesizer(champion), parents)
        make_candidate(survey, cut, round_number, champion, made, {}, {})
    except (CorruptArtifact, Collapsed, PoolError):
        # What comes next reads an artifact that is not there yet, or never comes.
        pass
    return survey
