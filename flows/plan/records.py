"""What a rehearsal and a plan hand each other."""

from flows.plan.expectations import Expectations
from models.sizes.cards import Card
from models.sizes.memory import Parts
from tasks.step import Role
from viper.records import Record


class Sights(Record):
    """What pictures cost and how many rows suites have: what a walk cannot know before anything is read."""

    picture: int
    """Tokens of a picture of the pool."""
    painting: int
    """Tokens of a painting."""
    question_picture: int
    """Tokens of a picture of a suite."""
    rows: dict[str, int]
    """Of a suite, by name."""


class Asking(Record):
    """Prompts of one form to the VLM."""

    prompts: float
    batch: int
    shown: int
    """Pictures of a prompt."""
    seen: int
    """Their tokens."""
    text: float
    """Tokens of a prompt beside them, as expected."""
    longest_text: int
    """The most that it can have."""
    reply: float
    """Tokens, as expected."""
    longest_reply: int


class Duty(Record):
    """What one step would do."""

    step: str
    """Its name."""
    kind: str
    """By which its rate is known: its name, with suite or stage where these differ in speed."""
    unit: str
    units: float
    roles: tuple[Role, ...]
    is_shard: bool = False
    """Others like it may be done beside it."""
    model: str = ""
    """What decides the model of its first role."""
    models: int = 1
    """How many models that role holds meanwhile."""
    together: int = 0
    """Pictures that a judge compares at once."""
    asked: tuple[Asking, ...] = ()


class Phase(Record):
    """One kind of step on one device."""

    name: str
    device: str
    parts: Parts
    advice: str
    """What to change if it does not fit."""


class Line(Record):
    """All steps of one name, or of one name and stage."""

    step: str
    unit: str
    units: float
    prompts: float
    """To the VLM."""
    prompt_tokens: float
    reply_tokens: float
    seconds: float
    gpus: float
    """Accelerators that compute meanwhile."""
    stored_bytes: float
    source: str
    """Where its rate comes from."""

    @property
    def gpu_hours(self) -> float:
        """Hours of accelerators that compute."""
        return self.seconds / 3600 * self.gpus


class Plan(Record):
    """What one round costs."""

    profile: str
    card: Card
    gpus: int
    lines: tuple[Line, ...]
    counts: dict[str, float]
    picture: str
    """What a picture of the pool costs in tokens, in words."""
    expected: Expectations
    phases: tuple[Phase, ...]
    models: dict[str, str]
    """Where the description of each role's model comes from."""
    download_bytes: int
    """Of models that are not on this machine yet."""
    seconds: float
    """Wall time: one step after the other."""
    faults: tuple[str, ...]
    """What does not fit, and what to change."""
    notes: tuple[str, ...]

    @property
    def stored_bytes(self) -> float:
        """What a round leaves in the store."""
        return sum(line.stored_bytes for line in self.lines)
