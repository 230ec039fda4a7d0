"""Scores of models on the benchmarks alone: as tables for people, as records for scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commands.summary import WIDTH
from commands.tables import TextTable, show_table
from models.unanswered import unanswered_percent
from models.worlds import find_suite
from storage.objects import ObjectStore
from tasks.evaluation import asked_text, read_replies
from tasks.rescoring import Rescored
from viper.records import ArtifactRef


@dataclass(frozen=True)
class SuiteScores:
    """What models scored on one suite."""

    suite: str
    points: dict[str, dict[str, float]]
    """By role, then ``score``, the suite's parts and its categories: 0 to 100."""
    unanswered: dict[str, float]
    """By role: percent of the replies without an answer."""
    asked: str
    """Pixels of a picture and tokens of a reply; empty where nobody wrote that down."""


def scores(store: ObjectStore, replies: Mapping[str, Mapping[str, Sequence[ArtifactRef]]]) -> list[SuiteScores]:
    """Scores by suite and role, in points, each with its parts and categories, and how it was asked."""
    found = []
    for suite in next(iter(replies.values())):
        read = {role: read_replies(store, replies[role][suite]) for role in replies}
        points = {
            role: {name: 100 * score for name, score in find_suite(suite).aggregate(read[role]).items()}
            for role in replies
        }
        unanswered = {role: unanswered_percent(read[role]) for role in replies}
        found.append(SuiteScores(suite, points, unanswered, asked_text(store, replies, suite)))
    return found


def means(found: Sequence[SuiteScores]) -> dict[str, float]:
    """Each role's mean over the suites, in points."""
    return {role: sum(one.points[role]["score"] for one in found) / len(found) for role in found[0].points}


def show_scores(found: Sequence[SuiteScores]) -> None:
    """A table of them, the mean last."""
    roles = list(found[0].points)
    table = TextTable("Points")
    table.add_column("suite")
    for role in roles:
        table.add_column(role, justify="right")
    table.add_column("asked with")
    for one in found:
        for name in one.points[roles[0]]:
            label = one.suite.replace("_", " ") if name == "score" else f"  {name}"
            asked = one.asked if name == "score" else ""
            table.add_row(label, *(f"{one.points[role][name]:.1f}" for role in roles), asked)
        if any(one.unanswered.values()):
            table.add_row("  no answer", *(f"{one.unanswered[role]:.1f}" for role in roles))
    table.add_row("mean", *(f"{mean:.1f}" for mean in means(found).values()))
    show_table(table, WIDTH)


def show_rescored(found: Sequence[Rescored]) -> None:
    """Old and new points of every stored set of replies, with the figures that changed."""
    table = TextTable("Points as stored, and by the present rules")
    for name in ("suite", "model", "rows", "changed", "old", "new"):
        table.add_column(name, justify="left" if name in ("suite", "model") else "right")
    for one in found:
        for name in one.new:
            if name != "score" and one.old[name] == one.new[name]:
                continue
            cells = [one.suite, one.model[:24], f"{one.rows:,}", f"{one.changed:,}"]
            points = [f"{100 * scores[name]:.1f}" for scores in (one.old, one.new)]
            table.add_row(*(cells if name == "score" else [f"  {name}", "", "", ""]), *points)
        if any(one.unanswered):
            table.add_row("  no answer", "", "", "", *(f"{percent:.1f}" for percent in one.unanswered))
    show_table(table, WIDTH)
