"""The plots of suites and categories over rounds."""

import xml.etree.ElementTree as ElementTree

from tasks.plots import plot_categories, plot_rounds
from viper.records import Difference, SuiteResult, Verdict

NONE = Difference(points=0, low=0, high=0)


def _result(name: str, champion: float, candidate: float, *categories: SuiteResult) -> SuiteResult:
    return SuiteResult(
        suite=name,
        questions=10,
        base=50,
        champion=champion,
        candidate=candidate,
        against_base=NONE,
        against_champion=NONE,
        categories=categories,
    )


def _verdict(decision: str, champion: float, candidate: float) -> Verdict:
    parts = (_result("color", champion + 5, candidate + 5), _result("size", champion - 5, candidate - 5))
    suites = (_result("fine_perception", champion, candidate, *parts), _result("counting", champion, candidate))
    mean = _result("mean", champion, candidate)
    return Verdict.model_validate({"decision": decision, "reason": "because", "suites": suites, "mean": mean})


VERDICTS = [_verdict("promote", 50, 60), _verdict("keep champion", 60, 55)]
COLLAPSED = Verdict(decision="collapse", reason="nothing was left")


def test_it_shows_the_champion_and_is_the_same_every_time() -> None:
    svg = plot_rounds(VERDICTS)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "fine perception 50.0 → 60.0" in svg  # the refused candidate did not become champion
    assert "round 2" in svg
    assert svg == plot_rounds(VERDICTS)
    assert svg != plot_rounds(VERDICTS[:1])


def test_categories_have_a_panel_a_suite_that_has_any() -> None:
    svg = plot_categories(VERDICTS)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "color 55.0 → 65.0" in svg
    assert "size 45.0 → 55.0" in svg
    assert "fine perception" in svg
    assert "counting" not in svg


def test_a_round_that_ended_before_the_benchmarks_is_left_out() -> None:
    assert plot_rounds([*VERDICTS, COLLAPSED]) == plot_rounds(VERDICTS)
    assert plot_rounds([COLLAPSED]) == plot_categories([COLLAPSED]) == ""
