"""The small frozen records that tasks hand each other.

A record holds names, numbers and artifact references; never an image, a tensor or a path that
only one machine knows. Records are what Prefect shows, what the store keeps as a step's result
and what a resumed round reads back, so they serialize to JSON and compare by value.
"""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A value that never changes after it was made. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def identity(self) -> object:
        """What counts of this record in the key of a step: every field, unless a record says otherwise."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class ArtifactRef(Record):
    """Where an artifact lies in the store, and the proof that it is the right one."""

    kind: str
    """What it is: ``images``, ``captions``, ``dataset``, ``checkpoint``, ``model``, …"""
    uri: str
    """Key of the artifact's ref inside the store, such as ``results/caption/3f…``."""
    sha256: str
    """SHA-256 of the artifact's manifest, 64 hex digits. The manifest names every blob by hash."""
    size_bytes: int
    """Sum of the sizes of the artifact's blobs."""
    content_sha256: str = ""
    """SHA-256 of what the artifact holds, 64 hex digits, whatever it was made from: what counts in the keys of later
    steps. Empty in references that versions before it wrote; then ``sha256`` counts."""

    def identity(self) -> object:
        """Its content, not its place and not what it was made from."""
        return {"kind": self.kind, "content": self.content_sha256 or self.sha256}


class ModelRef(Record):
    """A model: what decides its weights, and where they lie."""

    name: str
    """What people call it, such as ``base`` or ``round 3``."""
    settings_path: str = ""
    """Folder or hub name; empty for a model made by a round."""
    revision: str = ""
    """The commit on the hub, 40 hex digits; empty for everything else."""
    artifact: ArtifactRef | None = None
    """Whole weights made by a round; ``None`` where they lie at ``settings_path``."""
    lora: ArtifactRef | None = None
    """An adapter made by a round, which is put on these weights; ``None`` for none."""
    adapter: str = ""
    """Folder of an adapter that somebody else made; empty for none."""
    fingerprint: str
    """What decides its weights: a hash over the files of a folder or artifact, or hub name and commit; with an adapter,
    ``WEIGHTS+ADAPTER``."""

    @property
    def made(self) -> ArtifactRef | None:
        """What a round made of this model; ``None`` for the base."""
        return self.lora or self.artifact

    def with_lora(self, name: str, lora: ArtifactRef, content: str) -> "ModelRef":
        """These weights with an adapter in the place of any that was on them.

        Args:
            name: What people call it.
            lora: The adapter.
            content: Hash of what it holds.
        """
        weights = self.fingerprint.partition("+")[0]
        adapted = {"name": name, "lora": lora, "adapter": "", "fingerprint": f"{weights}+{content}"}
        return self.model_copy(update=adapted)

    def identity(self) -> object:
        """What decides its weights, wherever they lie."""
        return self.fingerprint


class ModelUse(Record):
    """A model and what decides its numbers besides its weights."""

    model: ModelRef
    dtype: str
    """Number format of the weights in memory, such as ``bfloat16``."""
    attention: str = ""
    """Attention kernel of a language model; empty where the library chooses."""


class PixelLimits(Record):
    """How many pixels of a picture a model sees."""

    min_pixels: int
    """Smallest width × height: smaller pictures are enlarged."""
    max_pixels: int
    """Largest width × height: larger pictures are reduced."""


class VlmUse(ModelUse):
    """A vision-language model, and how large pictures are when it looks at them."""

    min_pixels: int = 0
    """Smallest width × height that it sees; 0 for the folder's own."""
    max_pixels: int = 0
    """Largest width × height that it sees; 0 for the folder's own."""
    engine: str = "transformers"
    """Who generates with it: engines round otherwise, and draw other samples from the same seed."""

    def identity(self) -> object:
        """Everything; where transformers generates, what it always was."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in fields.items() if (name, value) != ("engine", "transformers")}


class JudgeUse(Record):
    """How reconstructions are compared with their originals."""

    kind: str
    """Name of the judge."""
    model: ModelRef | None = None
    """The image model that it looks through, if it has one."""


class Seed(Record):
    """Where the random draws of one step in one round come from: never the clock, the order or the number of shards."""

    evolution: int
    """The evolution's seed."""
    round_number: int
    step: str

    def of(self, item: object = "") -> int:
        """The seed of one item, in [0, 2**62)."""
        text = f"{self.evolution}/{self.round_number}/{self.step}/{item}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2

    def small(self) -> int:
        """A seed for libraries that take 31 bits."""
        return self.of() % 2**31


class Occasion(Record):
    """For whom a step works. It is kept with what the step makes, and decides nothing of it."""

    evolution: str
    round_number: int
    settings_sha256: str = ""

    def identity(self) -> object:
        """Nothing."""
        return None


class Shard(Record):
    """A slice of the round's images: the unit of work and of loss in synthesis."""

    pool: ArtifactRef
    """Its images, as entries ``<image id>.png``."""
    number: int
    """Counts from 0; for people only."""

    def identity(self) -> object:
        """Its images."""
        return self.pool


class Synthesis(Record):
    """What a round's synthesis made."""

    datasets: dict[str, ArtifactRef]
    """Dataset versions by lesson; without those of which too little is left."""
    left_out: dict[str, str] = {}
    """By lesson, why there is no dataset version, in a sentence."""
    shards: tuple[Shard, ...]
    products: dict[str, tuple[ArtifactRef, ...]]
    """By name (see ``models.payloads.PRODUCTS``), one artifact a shard, in order."""
    seconds: tuple[tuple[str, float], ...]
    """Wall time of each step in order, in seconds."""

    def identity(self) -> object:
        """Everything but the time that it took."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "seconds"}


class PairedTest(Record):
    """Whether chance explains the difference of two models, and how small a difference the questions can show."""

    name: Literal["McNemar", "sign flip", "sign"]
    """McNemar's exact test for scores of 0 and 1; the exact sign-flip test for graded ones and for means over suites.
    Verdicts of earlier versions have the sign test for graded scores, and none for means."""
    won: int
    """Questions on which the candidate scored higher."""
    lost: int
    """Questions on which it scored lower."""
    p: float
    """Two-sided and exact, in [0, 1]."""
    p_adjusted: float
    """After Holm, over the suites of the comparison (for a category: over all categories). The same as ``p`` where the
    gate asks for the gain, which is one question for itself."""
    detectable_points: float | None = None
    """Smallest true difference for which ``p_adjusted`` reaches the gate's level with a probability of 80 % if no other
    suite differs; ``None`` where too few questions or answers tell."""

    @property
    def changed(self) -> int:
        """Questions whose score is another."""
        return self.won + self.lost


class Difference(Record):
    """A paired difference of two models on the same questions, in points (0 to 100)."""

    points: float
    low: float
    """Lower end of the bootstrap interval, which holds zero if and only if the test's ``p`` is above its level."""
    high: float
    """Upper end."""
    test: PairedTest | None = None
    """``None`` for means in verdicts of earlier versions."""


class Unanswered(Record):
    """Each model's replies to a suite from which no answer could be read, in percent of its replies."""

    base: float
    champion: float
    candidate: float


class SuiteResult(Record):
    """One suite's scores of the three models, in points, and the candidate's paired differences."""

    suite: str
    """Its name; of a category, the category's."""
    questions: int
    base: float
    champion: float
    candidate: float
    against_base: Difference
    against_champion: Difference
    categories: tuple["SuiteResult", ...] = ()
    """The suite's categories, sorted by name; empty if it has one only."""
    asked: str = ""
    """How it was asked: the pixels of a picture and the tokens of a reply; empty for categories and means."""
    unanswered: Unanswered | None = None
    """Replies without an answer, which count as wrong; ``None`` for categories, and where they were not counted yet."""


class Verdict(Record):
    """What the gate decided about a round's candidate."""

    decision: Literal["promote", "keep champion", "collapse"]
    reason: str
    """One sentence, and more where many replies had no answer or a stage was left out."""
    suites: tuple[SuiteResult, ...] = ()
    """Empty where a collapse ended the round before the benchmarks."""
    mean: SuiteResult | None = None
    """The mean over the suites, as if it were a suite; ``None`` where there are no suites."""

    @property
    def rows(self) -> tuple[SuiteResult, ...]:
        """The suites, then their mean."""
        return (*self.suites, self.mean) if self.mean else ()


class Approval(Record):
    """What a person decided about a candidate that the gate would promote."""

    approved: bool
    reason: str
    """Why, in the person's words; empty if none was given."""


class RoundResult(Record):
    """Everything a finished round leaves behind."""

    evolution: str
    round_number: int
    settings_sha256: str
    base: ModelRef
    champion_before: ModelRef
    candidate: ModelRef
    """What was judged; the champion itself where a collapse left nothing to judge."""
    champion_after: ModelRef
    datasets: dict[str, ArtifactRef]
    """Dataset versions by lesson."""
    trainings: dict[str, ArtifactRef] = {}
    """What each stage's training left, in order; empty in records of earlier versions."""
    report: ArtifactRef
    verdict: Verdict
    seconds: tuple[tuple[str, float], ...]
    """Wall time of each step in order, in seconds, of the run that finished the round."""
