"""What people see of a round: Prefect artifacts, the HTML report, MLflow, and the round's own record in the store."""

from collections import Counter

from prefect import State
from prefect.artifacts import create_markdown_artifact
from pydantic import JsonValue

from storage.layout import report_key, verdict_key
from tasks.gallery import Sample, caption_samples, edit_samples
from tasks.plots import plot_rounds
from tasks.provenance import code_version
from tasks.step import Entries, log, once, open_store, read_json, step_task, to_json
from tasks.tracking import tracker
from tasks.versioning import dataset_size
from viper.errors import ProfileError
from viper.records import ArtifactRef, RoundResult, SuiteResult, Synthesis, Verdict
from viper.settings import Settings

_COLORS = {"promote": "#e2f5e7", "keep champion": "#fdf3d7", "collapse": "#fde4e1"}


def check_rounds(rounds: int) -> None:
    """Refuse a number of rounds below 1.

    Raises:
        ProfileError: ``rounds`` is below 1.
    """
    if rounds < 1:
        raise ProfileError(f"rounds is {rounds}; expected at least 1.")


def yields(made: Synthesis) -> dict[str, dict[str, int]]:
    """Counts by reason: of critiques (``csr``) and edits (``vop``), over all shards."""
    store = open_store()
    counts = {"csr": Counter[str](), "vop": Counter[str]()}
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


def benchmark_table(suites: tuple[SuiteResult, ...], mean: SuiteResult) -> str:
    """The benchmark table as Markdown."""
    lines = [
        "| suite | questions | base | champion | candidate | against base | against champion |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in (*suites, mean):
        cells = [f"{d.points:+.1f} [{d.low:+.1f}, {d.high:+.1f}]" for d in (row.against_base, row.against_champion)]
        scores = f"{row.base:.1f} | {row.champion:.1f} | {row.candidate:.1f}"
        lines.append(f"| {row.suite} | {row.questions} | {scores} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def show_verdict(round_number: int, verdict: Verdict) -> None:
    """The benchmark table with the verdict in the Prefect UI."""
    text = f"**{verdict.decision}**: {verdict.reason}\n\n{benchmark_table(verdict.suites, verdict.mean)}"
    create_markdown_artifact(text, key="verdict", description=f"Benchmarks and verdict of round {round_number}")
    log.info("Round %d: %s. %s", round_number, verdict.decision, verdict.reason)


@step_task(name="write report")
def write_report(
    settings: Settings, round_number: int, made: Synthesis, verdict: Verdict
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``report``: ``report.html``, one self-contained page with pictures, ``report.md`` and ``rounds.svg``."""
    before = [finished_round(settings.evolution, earlier) for earlier in range(1, round_number)]
    verdicts = [*(result.verdict for result in before if result), verdict]

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        page = Environment(loader=PackageLoader("tasks"), autoescape=True, undefined=StrictUndefined).get_template(
            "report.html.j2"
        )
        plot = plot_rounds(verdicts)
        html = page.render(
            evolution=settings.evolution,
            round_number=round_number,
            verdict=verdict,
            color=_COLORS[verdict.decision],
            confidence=f"{settings.gate.confidence:.0%}",
            rows=[*verdict.suites, verdict.mean],
            plot=plot,
            yields=yields(made),
            captions=caption_samples(made, 12),
            edits=edit_samples(made, 8),
            datasets={stage: (dataset_size(ref), ref.uri) for stage, ref in made.datasets.items()},
        )
        text = f"{verdict.decision}: {verdict.reason}\n\n{benchmark_table(verdict.suites, verdict.mean)}\n"
        return {"report.html": html.encode(), "report.md": text.encode(), "rounds.svg": plot.encode()}, {}

    inputs = {"round": round_number, "evolution": settings.evolution, "made": made.model_dump(exclude={"seconds"})}
    return once("report", 2, {**inputs, "verdicts": verdicts, "gate": settings.gate}, compute)


def track_round(settings: Settings, result: RoundResult) -> None:
    """The round's figures in MLflow, and the champion in its registry."""
    evolution = tracker(settings.evolution).run(settings.evolution)
    evolution.log_params({"profile": settings.name, "seed": settings.seed, "code_version": code_version()})
    run = tracker(settings.evolution).run(settings.evolution, result.round_number)
    run.log_params({"settings_sha256": result.settings_sha256, "champion_before": result.champion_before.name})
    for stage, ref in result.datasets.items():
        run.log_dataset_input(ref, f"{settings.evolution}-{stage}", ref.sha256[:16])
    scores = {}
    for row in (*result.verdict.suites, result.verdict.mean):
        for role in ("base", "champion", "candidate"):
            scores[f"{row.suite}/{role}"] = getattr(row, role)
        scores[f"{row.suite}/against_base"] = row.against_base.points
    run.log_metrics(scores, step=result.round_number)
    evolution.log_metrics({f"{row.suite}": row.candidate for row in result.verdict.suites}, step=result.round_number)
    run.log_metrics({f"seconds/{step}": spent for step, spent in result.seconds})
    run.log_tags({"verdict": result.verdict.decision, "reason": result.verdict.reason, "report": result.report.uri})
    if result.verdict.decision == "promote" and result.champion_after.artifact is not None:
        run.set_champion(f"viper-{settings.evolution}", result.champion_after.artifact)
    run.end("FINISHED")
    evolution.end("FINISHED")


def keep_result(result: RoundResult) -> RoundResult:
    """Write the round's record, which is what makes it finished. The first record of a round stands."""
    store = open_store()
    pages = {name: store.read(result.report, name) for name in ("report.html", "report.md", "rounds.svg")}
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
