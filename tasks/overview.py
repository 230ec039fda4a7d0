"""The page of a whole evolution: what it learned, round by round, and where to look further."""

import logging
from collections.abc import Mapping, Sequence

from storage.objects import ObjectStore
from tasks.artifacts import show_page
from tasks.pages import adjusted_p, drawn_plots, gain_table, gain_text
from tasks.tracking import tracker
from tasks.versioning import dataset_size
from viper.addresses import shown_address
from viper.escaping import for_markdown
from viper.records import RoundResult

log = logging.getLogger("viper")

TRAINING_VIEW = "?workflowType=machine_learning"
"""Makes a link open MLflow's view for training, whatever the browser showed last."""


def show_evolution(store: ObjectStore, results: Sequence[RoundResult]) -> None:
    """The page of the rounds that are finished, on the present run in the Prefect UI and as MLflow's description.

    Args:
        store: With the evolution.
        results: Of rounds 1, 2, … in order, at least one.
    """
    last = results[-1]
    log.info("%s: %s. The champion is %s.", last.evolution, last.verdict.decision, last.champion_after.name)
    follow = {one.round_number: round_links(one) for one in results}
    show_page(last.evolution, "evolution", evolution_text(store, results, follow), _description(results))
    run = tracker(last.evolution).run(last.evolution)
    run.describe_experiment("\n".join([f"{_description(results)}.", "", *map(_round_line, results)]))
    run.end("FINISHED")


def round_links(result: RoundResult) -> dict[str, str]:
    """Addresses of the round's pages in MLflow by what they show; none without a server."""
    page = tracker(result.evolution).page(result.evolution, result.round_number)
    if not page:
        return {}
    return {"report": f"{page}/artifacts/report.html{TRAINING_VIEW}", "MLflow": f"{page}{TRAINING_VIEW}"}


def evolution_text(store: ObjectStore, results: Sequence[RoundResult], links: Mapping[int, Mapping[str, str]]) -> str:
    """The page in Markdown.

    Args:
        store: With the evolution.
        results: As for ``show_evolution``.
        links: By round: addresses of its pages, by what they show.
    """
    last = results[-1]
    plots = "\n\n".join(
        f"![{name.removesuffix('.svg')}]({plot})" for name, plot in drawn_plots(store, last.report).items()
    )
    parts = [
        f"## Round {last.round_number}: {last.verdict.decision}",
        for_markdown(last.verdict.reason),
        _linked(links.get(last.round_number, {})),
        round_tables(results, links),
        plots,
        gain_table(last.verdict),
        _where(store, last),
    ]
    return "\n\n".join(part for part in parts if part)


def round_tables(results: Sequence[RoundResult], links: Mapping[int, Mapping[str, str]]) -> str:
    """A line a round: verdict and mean of the candidate, its gain over the champion before, and who is champion then.

    No table has more than three columns, as a phone shows.
    """
    verdicts = ["| round | verdict | mean |", "|---:|---|---:|"]
    gains = ["### Gains over the champions before", "", "| round | gain | p |", "|---:|---:|---:|"]
    champions = ["### Champions", "", "| round | champion after it | pages |", "|---:|---|---|"]
    for one in results:
        number, mean = one.round_number, one.verdict.mean
        gain, p = (gain_text(mean.against_champion), adjusted_p(mean.against_champion)) if mean else ("", "")
        verdicts.append(f"| {number} | {one.verdict.decision} | {f'{mean.candidate:.1f}' if mean else ''} |")
        gains.append(f"| {number} | {gain} | {p} |")
        after = for_markdown(one.champion_after.name)
        champions.append(f"| {number} | {after} | {_linked(links.get(number, {}))} |")
    return "\n\n".join("\n".join(lines) for lines in (verdicts, gains, champions))


def _linked(links: Mapping[str, str]) -> str:
    return " · ".join(f"[{what}]({address})" for what, address in links.items())


def _round_line(result: RoundResult) -> str:
    """For MLflow, whose descriptions show lists and no tables."""
    mean = result.verdict.mean
    gain = f", mean {mean.candidate:.1f}, {gain_text(mean.against_champion)} over the champion" if mean else ""
    return f"- round {result.round_number}: **{result.verdict.decision}**{gain}. {for_markdown(result.verdict.reason)}"


def _where(store: ObjectStore, result: RoundResult) -> str:
    lines = [f"Store: {for_markdown(shown_address(store.root))}", ""]
    lines.append(f"- report: `{result.report.uri}`")
    for lesson, ref in result.datasets.items():
        lines.append(
            f"- dataset {lesson}: {dataset_size(store, ref):,} samples, `{ref.uri}`, sha256 `{ref.sha256[:16]}`"
        )
    return "\n".join(lines)


def _description(results: Sequence[RoundResult]) -> str:
    last = results[-1]
    rounds = f"round {last.round_number}" if len(results) == 1 else f"rounds 1 to {last.round_number}"
    return (
        f"Evolution {for_markdown(last.evolution)}, {rounds}: the champion is {for_markdown(last.champion_after.name)}"
    )
