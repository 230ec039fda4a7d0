"""A round in MLflow: figures, datasets, pages, and what its champion is.

Charts stand in sections by the beginning of a figure's name, in the order of the alphabet. So the names begin with what
is to be seen first: ``mean`` before all others, ``rollouts`` before ``training``.
"""

import hashlib
import re

from storage.objects import ObjectStore
from storage.tracking import Status
from tasks.curves import read_curves
from tasks.descriptions import describe_champion, describe_round
from tasks.pages import PLOTS
from tasks.provenance import code_version
from tasks.tracking import tracker
from tasks.training import COLLAPSE
from tasks.training_figures import stage_figures
from tasks.versioning import dataset_size
from viper.records import RoundResult, SuiteResult, Verdict

_MAX_NAME = 150
"""Characters of a category's name in MLflow, which takes 250 with the suite's and the figure's."""


def track_round(store: ObjectStore, profile: str, seed: int, result: RoundResult) -> None:
    """The round's figures and pages in MLflow, as they follow from its record and the store."""
    evolution = tracker(result.evolution).run(result.evolution)
    evolution.log_params({"profile": profile, "seed": seed, "code_version": code_version()})
    run = tracker(result.evolution).run(result.evolution, result.round_number)
    run.log_params({"settings_sha256": result.settings_sha256, "champion_before": result.champion_before.name})
    for lesson, ref in result.datasets.items():
        run.log_dataset_input(ref, f"{result.evolution}-{lesson}", ref.sha256[:16], dataset_size(store, ref))
    scores: dict[str, float] = {}
    for row in result.verdict.suites:
        scores |= _figures(f"suites/{row.suite}", row)
        for part in row.categories:
            scores |= _figures(f"suites/{row.suite}/{part.suite}", part)
    if result.verdict.mean:
        scores |= _figures("mean", result.verdict.mean)
    run.log_metrics(scores, step=result.round_number)
    evolution.log_metrics(_over_rounds(result.verdict), step=result.round_number)
    run.log_metrics({f"seconds/{step}": spent for step, spent in result.seconds})
    run.log_tags({"verdict": result.verdict.decision, "reason": result.verdict.reason, "report": result.report.uri})
    present = store.manifest(result.report).entries
    pages = [name for name in ("report.html", "report.md", *PLOTS) if name in present and present[name].size_bytes]
    run.log_files(store.root, result.report, pages)
    describe_round(run, result)
    describe_champion(run, result)
    _track_trainings(store, result)
    run.end("FINISHED")
    evolution.end("FINISHED")


def _track_trainings(store: ObjectStore, result: RoundResult) -> None:
    """The learning curves, also of trainings that were done before and are only found now."""
    for stage, steps in read_curves(store, result.trainings).items():
        run = tracker(result.evolution).run(result.evolution, result.round_number, stage)
        run.log_curves([(int(step["step"]), stage_figures(step)) for step in steps])
        ended: Status = "KILLED" if result.trainings[stage].kind == COLLAPSE else "FINISHED"
        run.end(ended)


def _over_rounds(verdict: Verdict) -> dict[str, float]:
    """Means, and the candidate's score on each suite and category, which MLflow draws over the rounds."""
    if verdict.mean is None:
        return {}
    mean, promoted = verdict.mean, verdict.decision == "promote"
    scores = {
        "mean/champion": mean.candidate if promoted else mean.champion,
        "mean/candidate": mean.candidate,
        "mean/gain": mean.against_champion.points,
    }
    for row in verdict.suites:
        scores |= {f"suites/{row.suite}": row.candidate}
        scores |= {_metric_name(f"suites/{row.suite}/{part.suite}"): part.candidate for part in row.categories}
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
