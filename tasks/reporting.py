"""What people see of a round: Prefect artifacts, the HTML report, MLflow, and the round's own record in the store."""

import re
from collections import Counter

from prefect import State
from prefect.artifacts import create_markdown_artifact
from pydantic import JsonValue

from storage.layout import report_key, verdict_key
from tasks.gallery import Sample, caption_samples, data_uri, edit_samples
from tasks.plots import plot_categories, plot_rounds
from tasks.provenance import code_version
from tasks.step import Entries, log, once, open_store, read_json, step_task, to_json
from tasks.tracking import tracker
from tasks.versioning import dataset_size
from viper.errors import ProfileError
from viper.records import ArtifactRef, Difference, RoundResult, SuiteResult, Synthesis, Verdict
from viper.settings import Settings

PLOTS = ("rounds.svg", "categories.svg")
"""Suites and categories over the rounds; empty where there is nothing to draw."""
_COLORS = {"promote": "#e2f5e7", "keep champion": "#fdf3d7", "collapse": "#fde4e1"}


def check_rounds(rounds: int) -> None:
    """Refuse a number of rounds below 1.

    Raises:
        ProfileError: ``rounds`` is below 1.
    """
    if rounds < 1:
        raise ProfileError(f"rounds is {rounds}; expected at least 1.")


def yields(made: Synthesis) -> dict[str, dict[str, int]]:
    """Counts by reason: of images (``pool``), critiques (``csr``) and edits (``vop``), over all shards."""
    store = open_store()
    taken = store.manifest(made.shards[0].pool).meta
    rejected = taken["rejected"]
    assert isinstance(rejected, dict)
    counts = {"pool": Counter(map(str, rejected.values())), "csr": Counter[str](), "vop": Counter[str]()}
    counts["pool"]["taken"] = int(str(taken["images"]))
    for stage, parts in (("csr", made.refinements), ("vop", made.operations)):
        for part in parts:
            found = store.manifest(part).meta["reasons"]
            assert isinstance(found, dict)
            counts[stage].update({reason: int(str(count)) for reason, count in found.items()})
    return {stage: dict(counter.most_common()) for stage, counter in counts.items()}


def show_yields(made: Synthesis) -> None:
    """A table of yields by reason in the Prefect UI."""
    lines = ["| stage | reason | count |", "|---|---|---|"]
    lines += [
        f"| {stage} | {reason} | {n} |" for stage, reasons in yields(made).items() for reason, n in reasons.items()
    ]
    create_markdown_artifact(
        "\n".join(lines), key="yields", description="What the self-critique filter kept, and why not"
    )


def show_gallery(settings: Settings, made: Synthesis) -> None:
    """A gallery of the first shard in the Prefect UI."""
    samples = [*caption_samples(made, 6), *edit_samples(made, 4)]
    lines = ["| original | reconstruction | verdict | text |", "|---|---|---|---|"]
    lines += [_gallery_row(sample) for sample in samples]
    create_markdown_artifact(
        "\n".join(lines), key="gallery", description=f"Originals, paintings and edits of {settings.evolution}"
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
        "| suite | questions | base | champion | candidate | against base | p | against champion | p | shows above |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in verdict.rows:
        lines.append(_table_row(row.suite, row))
        lines += [_table_row(f"↳ {part.suite}", part) for part in row.categories]
    lines.append(
        "\np is exact and two-sided (McNemar; sign test for graded scores), after Holm. A suite shows differences "
    )
    lines[-1] += "above the last column's points with a probability of 80 %."
    return "\n".join(lines)


def _table_row(name: str, row: SuiteResult) -> str:
    cells = [name, str(row.questions), *(f"{score:.1f}" for score in (row.base, row.champion, row.candidate))]
    for found in (row.against_base, row.against_champion):
        cells += [f"{found.points:+.1f} [{found.low:+.1f}, {found.high:+.1f}]", p_text(found)]
    return f"| {' | '.join([*cells, power_text(row.against_champion)])} |"


def p_text(found: Difference) -> str:
    """The adjusted p of a difference, empty where there is none."""
    if found.test is None:
        return ""
    return "<0.001" if found.test.p_adjusted < 0.001 else f"{found.test.p_adjusted:.3f}"


def power_text(found: Difference) -> str:
    """The points above which differences can be shown, empty where that is unknown."""
    return f"{found.test.detectable_points:.1f}" if found.test else ""


def show_verdict(round_number: int, verdict: Verdict, report: ArtifactRef) -> None:
    """The benchmark table, the verdict and the report's plots over the rounds, in the Prefect UI."""
    store = open_store()
    plots = [data_uri(store.read(report, name), "image/svg+xml") for name in PLOTS if store.read(report, name)]
    text = f"**{verdict.decision}**: {verdict.reason}\n\n{benchmark_table(verdict)}"
    pictures = "".join(f"\n\n![over the rounds]({plot})" for plot in plots)
    create_markdown_artifact(
        text + pictures, key="verdict", description=f"Benchmarks and verdict of round {round_number}"
    )
    log.info("Round %d: %s. %s", round_number, verdict.decision, verdict.reason)


@step_task(name="write report")
def write_report(
    settings: Settings, round_number: int, made: Synthesis, verdict: Verdict
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``report``: ``report.html``, one self-contained page with pictures; ``report.md``; and ``PLOTS``."""
    before = [finished_round(settings.evolution, earlier) for earlier in range(1, round_number)]
    verdicts = [*(result.verdict for result in before if result), verdict]

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        templates = Environment(loader=PackageLoader("tasks"), autoescape=True, undefined=StrictUndefined)
        templates.filters |= {"p": p_text, "power": power_text}
        plots = (plot_rounds(verdicts), plot_categories(verdicts))
        html = templates.get_template("report.html.j2").render(
            evolution=settings.evolution,
            round_number=round_number,
            verdict=verdict,
            color=_COLORS[verdict.decision],
            confidence=f"{settings.gate.confidence:.0%}",
            rows=verdict.rows,
            plots=plots,
            yields=yields(made),
            captions=caption_samples(made, 12),
            edits=edit_samples(made, 8),
            datasets={stage: (dataset_size(ref), ref.uri) for stage, ref in made.datasets.items()},
        )
        text = f"{verdict.decision}: {verdict.reason}\n\n{benchmark_table(verdict)}\n"
        drawn = {name: plot.encode() for name, plot in zip(PLOTS, plots, strict=True)}
        return {"report.html": html.encode(), "report.md": text.encode(), **drawn}, {}

    inputs = {"round": round_number, "evolution": settings.evolution, "made": made.model_dump(exclude={"seconds"})}
    return once("report", 4, {**inputs, "verdicts": verdicts, "gate": settings.gate}, compute)


def track_round(settings: Settings, result: RoundResult) -> None:
    """The round's figures in MLflow, by suite and category."""
    evolution = tracker(settings.evolution).run(settings.evolution)
    evolution.log_params({"profile": settings.name, "seed": settings.seed, "code_version": code_version()})
    run = tracker(settings.evolution).run(settings.evolution, result.round_number)
    run.log_params({"settings_sha256": result.settings_sha256, "champion_before": result.champion_before.name})
    for stage, ref in result.datasets.items():
        run.log_dataset_input(ref, f"{settings.evolution}-{stage}", ref.sha256[:16])
    scores: dict[str, float] = {}
    for row in result.verdict.rows:
        scores |= _figures(row.suite, row)
        for part in row.categories:
            scores |= _figures(f"{row.suite}/{part.suite}", part)
    run.log_metrics(scores, step=result.round_number)
    evolution.log_metrics(_over_rounds(result.verdict), step=result.round_number)
    run.log_metrics({f"seconds/{step}": spent for step, spent in result.seconds})
    run.log_tags({"verdict": result.verdict.decision, "reason": result.verdict.reason, "report": result.report.uri})
    run.end("FINISHED")
    evolution.end("FINISHED")


def _over_rounds(verdict: Verdict) -> dict[str, float]:
    """The candidate's score on each suite and category, which MLflow draws over the rounds."""
    scores: dict[str, float] = {}
    for row in verdict.rows:
        scores |= {row.suite: row.candidate}
        scores |= {_metric_name(f"{row.suite}/{part.suite}"): part.candidate for part in row.categories}
    return scores


def _metric_name(name: str) -> str:
    return re.sub(r"[^\w\-. /]", "-", name, flags=re.ASCII)


def _figures(name: str, row: SuiteResult) -> dict[str, float]:
    """A suite's or category's figures under names that MLflow takes."""
    found = {role: getattr(row, role) for role in ("base", "champion", "candidate")}
    for role, difference in (("base", row.against_base), ("champion", row.against_champion)):
        found[f"against_{role}"] = difference.points
        if difference.test:
            found[f"p_against_{role}"] = difference.test.p_adjusted
            found[f"detectable_against_{role}"] = difference.test.detectable_points
    return {f"{_metric_name(name)}/{figure}": value for figure, value in found.items()}


def keep_result(result: RoundResult) -> RoundResult:
    """Write the round's record, which is what makes it finished. The first record of a round stands."""
    store = open_store()
    pages = {name: store.read(result.report, name) for name in ("report.html", "report.md", *PLOTS)}
    store.commit(report_key(result.evolution, result.round_number), "report", pages)
    store.commit(verdict_key(result.evolution, result.round_number), "round", {"round.json": to_json(result)})
    kept = finished_round(result.evolution, result.round_number)
    assert kept is not None
    return kept


def count_finished(evolution: str) -> int:
    """Number of finished rounds, from the first without a gap."""
    number = 0
    while finished_round(evolution, number + 1) is not None:
        number += 1
    return number


def finished_round(evolution: str, round_number: int) -> RoundResult | None:
    """The record of a finished round, ``None`` if it is not finished."""
    ref = open_store().find(verdict_key(evolution, round_number))
    return RoundResult.model_validate(read_json(ref, "round.json")) if ref else None
