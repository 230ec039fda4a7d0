"""A round's figures in MLflow, by suite and category."""

import hashlib
import re

from tasks.provenance import code_version
from tasks.tracking import tracker
from viper.records import RoundResult, SuiteResult, Verdict

_MAX_NAME = 150
"""Characters of a category's name in MLflow, which takes 250 with the suite's and the figure's."""


def track_round(profile: str, seed: int, result: RoundResult) -> None:
    """The round's figures in MLflow, by suite and category."""
    evolution = tracker(result.evolution).run(result.evolution)
    evolution.log_params({"profile": profile, "seed": seed, "code_version": code_version()})
    run = tracker(result.evolution).run(result.evolution, result.round_number)
    run.log_params({"settings_sha256": result.settings_sha256, "champion_before": result.champion_before.name})
    for lesson, ref in result.datasets.items():
        run.log_dataset_input(ref, f"{result.evolution}-{lesson}", ref.sha256[:16])
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
    """The name if MLflow takes it; else one that it takes and that no other name has."""
    parts = [re.sub(r"[^\w\-. ]", "-", part, flags=re.ASCII) for part in name.split("/")]
    plain = "/".join(part if part.strip(" .") else "-" for part in parts)[:_MAX_NAME]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return name if plain == name else f"{plain}-{digest[:8]}"


def _figures(name: str, row: SuiteResult) -> dict[str, float]:
    """A suite's or category's figures under names that MLflow takes."""
    found = {role: getattr(row, role) for role in ("base", "champion", "candidate")}
    for role, difference in (("base", row.against_base), ("champion", row.against_champion)):
        found[f"against_{role}"] = difference.points
        if difference.test:
            found[f"p_against_{role}"] = difference.test.p_adjusted
            if difference.test.detectable_points is not None:
                found[f"detectable_against_{role}"] = difference.test.detectable_points
    return {f"{_metric_name(name)}/{figure}": value for figure, value in found.items()}
