"""What is done of a round, and what a resume would skip and do: the same walk through the steps, computing nothing.

Each step is looked for under its key. So what a survey calls done is what a resume skips: there is no second record
that could say something else. No Prefect server is needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flows.approval import Question, open_question
from flows.cut import Cut
from flows.round import make_candidate
from flows.start import cut_of, open_store
from flows.synthesis import make_data
from storage.ledger.champions import champion_before
from storage.ledger.requests import last_request
from storage.ledger.rounds import count_finished, finished_round
from storage.objects import ObjectStore
from tasks.step import In, Step
from viper.errors import Collapsed, CorruptArtifact, PoolError, ProfileError
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
    question: Question | None = None
    """What a person is to decide next; None if the round is not so far, or nobody is asked."""

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


def waiting_question(evolution: str) -> tuple[ObjectStore, Question]:
    """What a person is to decide in an evolution, and the store that it lies in.

    Args:
        evolution: Its name; empty for the only one in the store.

    Raises:
        ProfileError: Nothing is to be decided.
    """
    store = open_store()
    asked = last_request(store, evolution)
    settings, number = asked.settings, count_finished(store, asked.settings.evolution) + 1
    before = finished_round(store, settings.evolution, number - 1) if number > 1 else None
    survey = survey_round(store, cut_of(store, settings), number, before.datasets if before else {})
    if survey.question is None:
        found = "it has no candidate that the gate would promote, or somebody has decided"
        if not settings.gate.approval:
            found = "its settings ask nobody (gate.approval is false)"
        raise ProfileError(
            f"Nothing waits for approval in {settings.evolution!r}: round {number} is next, and {found}. "
            f"See `viper status {settings.evolution}`."
        )
    return store, survey.question


def survey_round(store: ObjectStore, cut: Cut, round_number: int, parents: Mapping[str, ArtifactRef]) -> Survey:
    """How far a round is, up to its replies; what follows takes seconds.

    Steps whose inputs cannot be known yet are not in it.
    """
    survey = Survey(store)
    champion = champion_before(store, cut.settings.evolution, round_number) or cut.base
    try:
        made = make_data(survey, cut, round_number, cut.synthesizer(champion), parents)
        candidate, verdict = make_candidate(survey, cut, round_number, champion, made, {}, {})
        survey.question = open_question(store, cut, round_number, champion, candidate, verdict)
    except (CorruptArtifact, Collapsed, PoolError):
        # What comes next reads an artifact that is not there yet, or never comes.
        pass
    return survey
