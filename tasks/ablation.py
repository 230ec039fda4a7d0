"""What an ablation found: paired differences of its arms, as artifact, table, plot and record."""

from models.ablation import Ablation, AblationRow, Arm, compare_arms
from models.payloads import Payload
from models.seeds import Interval
from storage.objects import ObjectStore
from tasks.ablation_plot import plot_gains
from tasks.against_truth import MeasuredPayload
from tasks.artifacts import show_page
from tasks.evaluation import unit_scores
from tasks.gallery import data_uri
from tasks.shards import read_payload
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.escaping import for_markdown
from viper.records import ArtifactRef, Difference
from viper.settings import GateRules

LEGEND = (
    "Points; suites are against the base. Intervals beside differences speak of other questions, those over seeds "
    "(Student's t) of other seeds. Drawn right: sentences of the first round's critiques, against the truth; accepted "
    "right: of those that the judge kept; named: needed corrections that they make."
)


class AblationPayload(Payload[Ablation]):
    """What the arms gained."""

    entry = "ablation.json"


class AblationInputs(Inputs):
    """What decides an ablation's differences."""

    seeds: tuple[int, ...]
    """Of the evolutions."""
    arms: dict[str, Arm]
    """By name, in the order of the table."""
    replies: dict[str, tuple[dict[str, tuple[ArtifactRef, ...]], ...]]
    """By arm (and ``base``), then seed by seed, by suite: the shards of replies, in order."""
    measured: dict[str, tuple[ArtifactRef, ...]]
    """By arm, seed by seed: its first round against the truth; none where that is not known."""
    gate: GateRules
    seed: int
    """Of the bootstrap."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "compare variants"


@step("ablation", 4)
def compare_variants(inputs: AblationInputs, worker: Worker) -> Made:
    """Payload ``AblationPayload``, ``ablation.md`` and ``ablation.svg``."""
    store = worker.store
    scores = {
        name: [{suite: unit_scores(store, suite, parts) for suite, parts in suites.items()} for suites in by_seed]
        for name, by_seed in inputs.replies.items()
    }
    measured = {
        name: [read_payload(store, ref, MeasuredPayload).root for ref in refs] for name, refs in inputs.measured.items()
    }
    rows = compare_arms(scores, inputs.arms, measured, inputs.gate, inputs.seed)
    found = Ablation(seeds=inputs.seeds, rows=rows)
    shown = {"ablation.md": ablation_table(found).encode(), "ablation.svg": plot_gains(found).encode()}
    return Made({**AblationPayload(found).encoded(), **shown})


def read_ablation(store: ObjectStore, ref: ArtifactRef) -> Ablation:
    """The ablation in its artifact."""
    return read_payload(store, ref, AblationPayload).root


def arm_cells(row: AblationRow, seeds: tuple[int, ...]) -> dict[str, str]:
    """What an arm gained, by the title of the column."""
    other = row.arm.against != row.name
    return {
        "variant": row.name,
        "drawn right": _percent(row.drawn_right),
        "accepted right": _percent(row.accepted_right),
        "named": _percent(row.named),
        "against base": _difference(row.against_base),
        "over seeds": _interval(row.against_base_over_seeds),
        **{f"seed {seed}": f"{gain:+.1f}" for seed, gain in zip(seeds, row.by_seed, strict=True)},
        "against": row.arm.against if other else "",
        "difference": _difference(row.difference) if other else "",
        "of it over seeds": _interval(row.difference_over_seeds) if other else "",
    }


def ablation_table(found: Ablation) -> str:
    """The arms as a Markdown table."""
    rows = [
        {
            **arm_cells(row, found.seeds),
            "variant": for_markdown(row.name),
            "against": for_markdown(row.arm.against if row.arm.against != row.name else ""),
            **{for_markdown(suite.replace("_", " ")): _difference(one) for suite, one in row.suites.items()},
        }
        for row in found.rows
    ]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _difference(found: Difference) -> str:
    return f"{found.points:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


def _interval(found: Interval | None) -> str:
    return f"[{found.low:+.1f}, {found.high:+.1f}]" if found else "–"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"


def show_ablation(evolution: str, found: Ablation) -> None:
    """The table and the plot in the Prefect UI."""
    plot = plot_gains(found)
    picture = f"\n\n![gains]({data_uri(plot.encode(), 'image/svg+xml')})" if plot else ""
    show_page(evolution, "ablation", f"{LEGEND}\n\n{ablation_table(found)}{picture}", f"Variants of {evolution}")
