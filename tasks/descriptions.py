"""What MLflow says of a round and of the model that became champion in it, in Markdown."""

from collections.abc import Mapping

from storage.layout import champion_key
from storage.tracking import TrackedRun
from tasks.pages import adjusted_p, gain_text
from viper.escaping import for_markdown, visible
from viper.records import ModelRef, RoundResult


def describe_round(run: TrackedRun, result: RoundResult) -> None:
    """Name a round's run after its verdict, and put its scores on the run's first page."""
    verdict, mean = result.verdict, result.verdict.mean
    gain = f" {mean.against_champion.points:+.1f}" if mean else ""
    lines = [f"**{verdict.decision}**: {for_markdown(verdict.reason)}"]
    lines += [""] if verdict.rows else []
    for row in verdict.rows:  # a list: MLflow's descriptions show no tables
        found = row.against_champion
        scores = f"{row.champion:.1f} → {row.candidate:.1f}, {gain_text(found)}, p {adjusted_p(found)}"
        lines.append(f"- {for_markdown(row.suite)}: {scores}")
    lines += ["", "Report, gallery and plots: `report.html` under Artifacts."]
    run.describe(f"round {result.round_number}: {verdict.decision}{gain}", "\n".join(lines))
    told = {
        "champion": result.champion_after.name,
        **({"gain": f"{mean.against_champion.points:+.2f}"} if mean else {}),
    }
    run.log_tags(told)


def describe_champion(run: TrackedRun, result: RoundResult) -> None:
    """Say of the registered champion what it can do and what made it, if the round made one."""
    if result.verdict.decision != "promote" or result.champion_after.made is None:
        return
    name, mean = f"viper-{result.evolution}", result.verdict.mean
    about = (
        f"Champions of the evolution {for_markdown(result.evolution)}, which teaches itself to see better. The alias "
        f"`champion` is at the present one. `viper champion export` writes it as a folder, `viper champion history` "
        "tells of all."
    )
    made_of = [f"- {lesson}: `{ref.uri}` (sha256 `{ref.sha256[:16]}`)" for lesson, ref in result.datasets.items()]
    note = [
        f"Made in round {result.round_number} from {for_markdown(result.champion_before.name)}. "
        f"{for_markdown(result.verdict.reason)}",
        "",
        "Trained on the dataset versions",
        *made_of,
        "",
        f"Base: {_weights(result.base)}. Data, settings, code and parents back to the base: "
        f"`viper data lineage {champion_key(result.evolution, result.round_number)}`.",
    ]
    tags: Mapping[str, str] = {
        "round": str(result.round_number),
        "parent": result.champion_before.name,
        "settings_sha256": result.settings_sha256,
        **{f"score.{row.suite}": f"{row.candidate:.2f}" for row in result.verdict.rows},
        **({"gain": f"{mean.against_champion.points:+.2f}"} if mean else {}),
    }
    run.describe_champion(name, result.champion_after.made, about, "\n".join(note), tags)


def _weights(model: ModelRef) -> str:
    named = f"{model.settings_path} {model.revision}".strip() or model.name
    return f"`{visible(named).replace('`', '')}`"  # MLflow would show the backslashes of escaped text
