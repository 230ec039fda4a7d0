"""What an ablation found: paired differences of its variants, as artifact, table and record."""

from collections.abc import Mapping, Sequence

from prefect import State
from prefect.artifacts import create_markdown_artifact
from pydantic import JsonValue

from models.comparison import compare_with_references
from tasks.evaluation import unit_scores
from tasks.step import Entries, once, read_json, step_task, to_json
from viper.records import Ablation, ArtifactRef, Difference
from viper.settings import Settings


@step_task(name="compare variants")
def compare_variants(
    settings: Settings,
    seeds: Sequence[int],
    against: Mapping[str, str],
    replies: Mapping[str, Sequence[Mapping[str, list[ArtifactRef]]]],
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``ablation``: ``ablation.json`` and ``ablation.md``.

    Args:
        settings: What the variants vary.
        seeds: Of the evolutions.
        against: With which variant each is compared.
        replies: By variant (and ``base``), then seed by seed, by suite: the shards of replies, in order.
    """

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        scores = {
            name: [{suite: unit_scores(suite, parts) for suite, parts in suites.items()} for suites in by_seed]
            for name, by_seed in replies.items()
        }
        rows = compare_with_references(scores, against, settings.gate, settings.seed)
        found = Ablation(seeds=tuple(seeds), rows=rows)
        return {"ablation.json": to_json(found), "ablation.md": ablation_table(found).encode()}, {}

    inputs = {"replies": replies, "against": against, "seeds": seeds, "gate": settings.gate, "seed": settings.seed}
    return once("ablation", 1, inputs, compute)


def read_ablation(ref: ArtifactRef) -> Ablation:
    """The ablation in its artifact."""
    return Ablation.model_validate(read_json(ref, "ablation.json"))


def ablation_table(found: Ablation) -> str:
    """The variants as a Markdown table."""
    suites = list(found.rows[0].suites)
    head = ["variant", "against base", *(f"seed {seed}" for seed in found.seeds), "against", "difference"]
    lines = ["| " + " | ".join([*head, *(suite.replace("_", " ") for suite in suites)]) + " |"]
    lines.append("|---" * (len(head) + len(suites)) + "|")
    for row in found.rows:
        compared = [row.against, _cell(row.difference)] if row.against != row.variant else ["", ""]
        cells = [row.variant, _cell(row.against_base), *(f"{one:+.1f}" for one in row.by_seed), *compared]
        lines.append("| " + " | ".join([*cells, *(_cell(row.suites[suite]) for suite in suites)]) + " |")
    return "\n".join(lines)


def _cell(difference: Difference) -> str:
    return f"{difference.points:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"


def show_ablation(settings: Settings, found: Ablation) -> None:
    """The table in the Prefect UI."""
    text = f"Points; suites are against the base.\n\n{ablation_table(found)}"
    create_markdown_artifact(text, key="ablation", description=f"Variants of {settings.evolution}")
