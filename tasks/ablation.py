"""What an ablation found: paired differences of its variants, as artifact, table and record."""

from models.comparison import Ablation, compare_with_references
from models.payloads import Payload
from storage.objects import ObjectStore
from tasks.artifacts import show_page
from tasks.evaluation import unit_scores
from tasks.shards import read_payload
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.escaping import for_markdown
from viper.records import ArtifactRef, Difference
from viper.settings import GateRules


class AblationPayload(Payload[Ablation]):
    """What the variants gained."""

    entry = "ablation.json"


class AblationInputs(Inputs):
    """What decides an ablation's differences."""

    seeds: tuple[int, ...]
    """Of the evolutions."""
    against: dict[str, str]
    """With which variant each is compared."""
    replies: dict[str, tuple[dict[str, tuple[ArtifactRef, ...]], ...]]
    """By variant (and ``base``), then seed by seed, by suite: the shards of replies, in order."""
    gate: GateRules
    seed: int
    """Of the bootstrap."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "compare variants"


@step("ablation", 3)
def compare_variants(inputs: AblationInputs, worker: Worker) -> Made:
    """Payload ``AblationPayload``, and ``ablation.md``."""
    scores = {
        name: [
            {suite: unit_scores(worker.store, suite, parts) for suite, parts in suites.items()} for suites in by_seed
        ]
        for name, by_seed in inputs.replies.items()
    }
    rows = compare_with_references(scores, inputs.against, inputs.gate, inputs.seed)
    found = Ablation(seeds=inputs.seeds, rows=rows)
    return Made({**AblationPayload(found).encoded(), "ablation.md": ablation_table(found).encode()})


def read_ablation(store: ObjectStore, ref: ArtifactRef) -> Ablation:
    """The ablation in its artifact."""
    return read_payload(store, ref, AblationPayload).root


def ablation_table(found: Ablation) -> str:
    """The variants as a Markdown table."""
    suites = list(found.rows[0].suites)
    head = ["variant", "against base", *(f"seed {seed}" for seed in found.seeds), "against", "difference"]
    lines = ["| " + " | ".join([*head, *(for_markdown(suite.replace("_", " ")) for suite in suites)]) + " |"]
    lines.append("|---" * (len(head) + len(suites)) + "|")
    for row in found.rows:
        compared = [for_markdown(row.against), _cell(row.difference)] if row.against != row.variant else ["", ""]
        cells = [for_markdown(row.variant), _cell(row.against_base), *(f"{one:+.1f}" for one in row.by_seed), *compared]
        lines.append("| " + " | ".join([*cells, *(_cell(row.suites[suite]) for suite in suites)]) + " |")
    return "\n".join(lines)


def _cell(difference: Difference) -> str:
    return f"{difference.points:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"


def show_ablation(evolution: str, found: Ablation) -> None:
    """The table in the Prefect UI."""
    text = f"Points; suites are against the base.\n\n{ablation_table(found)}"
    show_page(evolution, "ablation", text, f"Variants of {evolution}")
