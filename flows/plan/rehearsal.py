"""The walk of a round by a runner that does nothing: every step is noted, and leaves what the next one must read.

So the counts of a plan come from the code that runs a round. There is no second description of it that could drift.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import JsonValue
from typing_extensions import override

from flows.plan.duties import duty_of, expected_facts
from flows.plan.expectations import Expectations
from flows.plan.records import Duty, Sights
from flows.plan.setting import Setting
from flows.round import make_candidate
from flows.runner import Pending
from flows.survey import Seen
from flows.synthesis import make_data
from models.payloads import Payload
from storage.manifest import Manifest
from storage.objects import ObjectStore
from tasks.pool import Listing
from tasks.step import In, Role, Step
from tasks.training import ADAPTER
from tasks.training_spec import TrainingInputs
from tasks.verdict import VerdictPayload
from viper.pictures import PoolFile
from viper.records import ArtifactRef, Verdict

Result = TypeVar("Result")


class ExpectedStore(ObjectStore):
    """A store of artifacts that nobody made: it knows what the walk of a round reads of them, and holds no bytes."""

    def __init__(self) -> None:
        super().__init__("expected")
        self._facts: dict[str, dict[str, JsonValue]] = {}
        self._payloads: dict[str, Payload[Any]] = {}

    def expect(self, key: str, kind: str, facts: dict[str, JsonValue], payload: Payload[Any] | None) -> ArtifactRef:
        """An artifact at ``key`` with these facts and, if the walk reads one, this payload."""
        self._facts[key] = facts
        if payload is not None:
            self._payloads[key] = payload
        return ArtifactRef(kind=kind, uri=key, sha256=key, size_bytes=0, content_sha256=key)

    @override
    def find(self, key: str) -> ArtifactRef | None:
        return None

    @override
    def manifest(self, ref: ArtifactRef) -> Manifest:
        return Manifest(kind=ref.kind, entries={}, meta=self._facts[ref.uri])

    @override
    def read(self, ref: ArtifactRef, path: str) -> bytes:
        return self._payloads[ref.uri].encoded()[path]


@dataclass
class Rehearsal:
    """A runner that notes what a step would do."""

    sights: Sights
    expected: Expectations
    store: ExpectedStore = field(default_factory=ExpectedStore)
    duties: list[Duty] = field(default_factory=list)
    """Of all steps, in the order in which they are submitted; what is found again is not done again."""
    trainings: list[TrainingInputs] = field(default_factory=list)
    loads: dict[Role, int] = field(default_factory=dict)
    """How often a role's models are loaded, as ``tasks.worker`` does it."""
    _made: dict[str, ArtifactRef] = field(default_factory=dict)
    _loaded: dict[Role, set[str]] = field(default_factory=dict)

    def submit(self, step: Step[In], inputs: In) -> Pending:
        """Note the step."""
        key = step.key(inputs)
        if key not in self._made:
            duty = duty_of(step, inputs, self.store, self.sights, self.expected)
            self.duties.append(self._with_models(duty))
            if isinstance(inputs, TrainingInputs):
                self.trainings.append(inputs)
            facts = expected_facts(step.name, inputs, self.store, self.sights)
            kind = ADAPTER if isinstance(inputs, TrainingInputs) and inputs.method == "lora" else step.name
            self._made[key] = self.store.expect(key, kind, facts, _payload(step.name, inputs))
        return Seen(self._made[key])

    def group(self, title: str, walk: Callable[..., Result], *arguments: object) -> Result:
        """What the walk notes."""
        return walk(self, *arguments)

    def forget(self, ref: ArtifactRef) -> None:
        """Nothing: nothing was made."""

    def release(self) -> None:
        """The models of the phase before go."""
        self._loaded.clear()

    def _with_models(self, duty: Duty) -> Duty:
        """The duty with the number of models that its first role holds then; those of other roles went before."""
        if not duty.roles:
            return duty
        self._loaded = {role: held for role, held in self._loaded.items() if role in duty.roles}
        for role in duty.roles:
            held = self._loaded.setdefault(role, set())
            if duty.model not in held:
                held.add(duty.model)
                self.loads[role] = self.loads.get(role, 0) + 1
        return duty.model_copy(update={"models": len(self._loaded[duty.roles[0]])})


def rehearse(setting: Setting, sights: Sights, expected: Expectations) -> Rehearsal:
    """The first round, from the listing of the pool to the verdict."""
    runner, cut = Rehearsal(sights, expected), setting.cut
    parents: Mapping[str, ArtifactRef] = {}
    made = make_data(runner, cut, 1, cut.synthesizer(cut.base), parents)
    runner.release()
    make_candidate(runner, cut, 1, cut.base, made, {}, {})
    return runner


def _payload(step: str, inputs: Any) -> Payload[Any] | None:
    """What the walk reads of a step's artifact beside its facts."""
    if step == "listing":
        files = (PoolFile(name=str(number), version="") for number in range(inputs.choice.count))
        return Listing(tuple(files))
    if step == "verdict":
        return VerdictPayload(Verdict(decision="keep champion", reason="expected"))
    return None
