"""What people see of a round in the Prefect UI, and the tables that these pages and the report share."""

import logging
from collections import Counter

from prefect.artifacts import create_markdown_artifact

from storage.objects import ObjectStore
from tasks.gallery import Sample, caption_samples, data_uri, edit_samples
from tasks.pool import rejections
from viper.records import ArtifactRef, Difference, SuiteResult, Synthesis, Verdict

PLOTS = ("rounds.svg", "categories.svg")
"""Suites and categories over the rounds; empty where there is nothing to draw."""

log = logging.getLogger("viper")


def yields(store: ObjectStore, made: Synthesis) -> dict[str, dict[str, int]]:
    """Counts by reason: of images (``pool``), critiques (``csr``) and edits (``vop``), over all shards."""
    taken = [store.manifest(shard.pool).meta for shard in made.shards]
    pool = Counter(rejections(taken).values())
    pool["taken"] = sum(int(str(one["images"])) for one in taken)
    counts = {"pool": pool}
    for lesson, product in (("csr", "refinements"), ("vop", "operations")):
        counts[lesson] = Counter[str]()
        for part in made.products[product]:
            found = store.manifest(part).meta["reasons"]
            if isinstance(found, dict):
                counts[lesson].update({reason: int(str(count)) for reason, count in found.items()})
    return {lesson: dict(counter.most_common()) for lesson, counter in counts.items()}


def show_yields(store: ObjectStore, made: Synthesis) -> None:
    """A table of yields by reason in the Prefect UI."""
    lines = ["| data | reason | count |", "|---|---|---|"]
    lines += [
        f"| {name} | {reason} | {n} |" for name, reasons in yields(store, made).items() for reason, n in reasons.items()
    ]
    create_markdown_artifact(
        "\n".join(lines), key="yields", description="What the self-critique filter kept, and why not"
    )


def show_gallery(store: ObjectStore, evolution: str, made: Synthesis) -> None:
    """A gallery of the first shard in the Prefect UI."""
    samples = [*caption_samples(store, made, 6), *edit_samples(store, made, 4)]
    lines = ["| original | reconstruction | verdict | text |", "|---|---|---|---|"]
    lines += [_gallery_row(sample) for sample in samples]
    create_markdown_artifact(
        "\n".join(lines), key="gallery", description=f"Originals, paintings and edits of {evolution}"
    )


def _gallery_row(sample: Sample) -> str:
    # The text comes last: the page does not wrap it.
    mark = "accepted" if sample.kept else "rejected"
    verdict = mark if sample.reason == mark else f"{mark}: {sample.reason}"
    text = f"{sample.text} → *{sample.detail}*" if sample.detail else sample.text
    return f"| ![original]({sample.left}) | ![reconstruction]({sample.right}) | {verdict} | {text} |"


def benchmark_table(verdict: Verdict) -> str:
    """The benchmark table as Markdown, categories below their suites; a line where nothing was asked."""
    if not verdict.rows:
        return "The round ended before the benchmarks."
    lines = [
        "| suite | questions | base | champion | candidate | against base | p | against champion | p | shows above "
        "| no answer |",
        f"|---|{'---:|' * 10}",
    ]
    for row in verdict.rows:
        lines.append(_table_row(row.suite, row))
        lines += [_table_row(f"↳ {part.suite}", part) for part in row.categories]
    lines.append(
        "\np is exact and two-sided (McNemar; sign test for graded scores), after Holm. A suite shows differences "
    )
    lines[-1] += "above the points of the column before the last with a probability of 80 %. The last one: percent of "
    lines[-1] += "the replies of base, champion and candidate in which no answer could be read; they count as wrong."
    return "\n".join(lines)


def _table_row(name: str, row: SuiteResult) -> str:
    cells = [name, str(row.questions), *(f"{score:.1f}" for score in (row.base, row.champion, row.candidate))]
    for found in (row.against_base, row.against_champion):
        cells += [f"{found.points:+.1f} [{found.low:+.1f}, {found.high:+.1f}]", p_text(found)]
    return f"| {' | '.join([*cells, power_text(row.against_champion), unanswered_text(row)])} |"


def p_text(found: Difference) -> str:
    """The adjusted p of a difference, empty where there is none."""
    if found.test is None:
        return ""
    return "<0.001" if found.test.p_adjusted < 0.001 else f"{found.test.p_adjusted:.3f}"


def power_text(found: Difference) -> str:
    """The points above which differences can be shown, empty where that is unknown."""
    return f"{found.test.detectable_points:.1f}" if found.test else ""


def unanswered_text(row: SuiteResult) -> str:
    """Percent of the replies of base, champion and candidate without an answer, empty where that is unknown."""
    return " / ".join(f"{percent:.1f}" for percent in row.unanswered.model_dump().values()) if row.unanswered else ""


def show_verdict(store: ObjectStore, round_number: int, verdict: Verdict, report: ArtifactRef) -> None:
    """The benchmark table, the verdict and the report's plots over the rounds, in the Prefect UI."""
    plots = [data_uri(store.read(report, name), "image/svg+xml") for name in PLOTS if store.read(report, name)]
    text = f"**{verdict.decision}**: {verdict.reason}\n\n{benchmark_table(verdict)}"
    pictures = "".join(f"\n\n![over the rounds]({plot})" for plot in plots)
    create_markdown_artifact(
        text + pictures, key="verdict", description=f"Benchmarks and verdict of round {round_number}"
    )
    log.info("Round %d: %s. %s", round_number, verdict.decision, verdict.reason)
