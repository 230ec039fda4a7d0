"""The end of a run on the terminal: what was gained, where it lies, what comes next."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from commands.tables import TextTable, show_table
from commands.terminal import say
from models.ablation import Ablation
from storage.layout import champions_prefix
from storage.ledger.champions import history
from storage.objects import ObjectStore
from tasks.ablation import LEGEND, ablation_table, arm_cells
from tasks.ablation_plot import plot_gains
from tasks.pages import adjusted_p, power_text, unanswered_text
from viper.addresses import shown_address
from viper.environment import home, store_root, tracking_uri
from viper.records import Difference, RoundResult, Verdict

if TYPE_CHECKING:
    from flows.throughput import Throughput
    from viper.settings import Settings

WIDTH = 196
"""Characters that the benchmark table needs."""


def show(results: list[RoundResult]) -> None:
    """Tables, verdicts, places, pages and the next command."""
    for result in results:
        if result.verdict.rows:
            show_table(_benchmarks(result.round_number, result.verdict), WIDTH)
        say(f"Round {result.round_number}: {result.verdict.decision}. {result.verdict.reason}", bold=True)
    last = results[-1]
    show_table(_times(last.seconds), WIDTH)
    store = ObjectStore(store_root())
    report = _copy_report(store, last)
    say(f"Report and gallery   {report}")
    for lesson, ref in last.datasets.items():
        say(f"Dataset {lesson}          {ref.uri}  (sha256 {ref.sha256[:12]}…)")
    say(
        f"Champion             {history(store, last.evolution)[-1].champion.name}  ({champions_prefix(last.evolution)})"
    )
    say(f"Store                {store_root()}")
    programs = os.path.relpath(Path(sys.executable).parent)
    say(f"Prefect pages        PREFECT_HOME={home() / 'prefect'} {programs}/prefect server start")
    say(f"MLflow pages         {_mlflow_pages(programs)}")
    following = f"{programs}/viper resume {last.evolution} --rounds {len(results) + 1}"
    say(f"Next                 {following}", bold=True)


def _mlflow_pages(programs: str) -> str:
    """Where they are, or the command that serves them, with the password of a database left in the environment."""
    uri = tracking_uri()
    if uri.lower().startswith(("http://", "https://")):
        return uri
    database = uri if uri == shown_address(uri) else '"$MLFLOW_TRACKING_URI"'
    return f"{programs}/mlflow ui --host 127.0.0.1 --backend-store-uri {database}"


def _cell(difference: Difference) -> str:
    return f"{difference.points:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"


def _benchmarks(round_number: int, verdict: Verdict) -> TextTable:
    table = TextTable(f"Round {round_number}: points, paired differences with intervals and adjusted p")
    compared = ("against base", "against champion", "p", "shows above", "no answer %", "asked with")
    for name in ("suite", "questions", "base", "champion", "candidate", *compared):
        table.add_column(name, justify="left" if name in ("suite", "asked with") else "right")
    for row in verdict.rows:
        table.add_row(
            row.suite.replace("_", " "),
            str(row.questions),
            f"{row.base:.1f}",
            f"{row.champion:.1f}",
            f"{row.candidate:.1f}",
            _cell(row.against_base),
            _cell(row.against_champion),
            adjusted_p(row.against_champion),
            power_text(row.against_champion),
            unanswered_text(row),
            row.asked,
        )
    return table


def _times(seconds: Sequence[tuple[str, float]]) -> TextTable:
    table = TextTable("Where the time went")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for step, spent in seconds:
        table.add_row(step, f"{spent:.1f}")
    table.add_row("all", f"{sum(spent for _, spent in seconds):.1f}")
    return table


def show_ablation(settings: "Settings", found: Ablation) -> None:
    """What the arms gained, and where the whole table and the plot lie."""
    table = TextTable("Points: mean over the suites against the base, and against another variant")
    rows = [arm_cells(row, found.seeds) for row in found.rows]
    for name in rows[0]:
        table.add_column(name, justify="left" if name in ("variant", "against") else "right")
    for row in rows:
        table.add_row(*row.values())
    show_table(table, WIDTH)
    folder = home() / "reports" / settings.evolution
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ablation.md").write_text(f"{ablation_table(found)}\n\n{LEGEND}\n")
    say(f"Every suite          {folder / 'ablation.md'}")
    if plot := plot_gains(found):
        (folder / "ablation.svg").write_text(plot)
        say(f"Gain by critiques    {folder / 'ablation.svg'}")


def _copy_report(store: ObjectStore, result: RoundResult) -> str:
    folder = home() / "reports" / result.evolution
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"round-{result.round_number:04d}.html"
    path.write_bytes(store.read(result.report, "report.html"))
    path.with_suffix(".svg").write_bytes(store.read(result.report, "rounds.svg"))
    return str(path)


def show_throughput(found: "Mapping[str, Throughput]") -> None:
    """Completions and informative groups a CPU second, and how many times the first way's."""
    table = TextTable("Training throughput")
    for name in ("trainer", "completions", "completions/CPU s", "informative groups/CPU s", "ratio", "CPU s/s"):
        table.add_column(name, justify="left" if name == "trainer" else "right")
    first = next(iter(found.values()))
    for name, one in found.items():
        rate = one.completions / one.cpu_seconds
        table.add_row(
            name,
            str(one.completions),
            f"{rate:.1f}",
            f"{one.informative_groups / one.cpu_seconds:.2f}",
            f"{rate * first.cpu_seconds / first.completions:.2f}",
            f"{one.cpu_seconds / one.seconds:.2f}",
        )
    show_table(table, WIDTH)
