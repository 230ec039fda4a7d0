"""The plot of suites over rounds."""

import xml.etree.ElementTree as ElementTree

from tasks.plots import plot_rounds
from viper.records import Difference, SuiteResult, Verdict

NONE = Difference(points=0, low=0, high=0)


def _verdict(decision: str, champion: float, candidate: float) -> Verdict:
    rows = [
        SuiteResult(
            suite=suite,
            questions=10,
            base=50,
            champion=champion,
            candidate=candidate,
            against_base=NONE,
            against_champion=NONE,
        )
        for suite in ("fine_perception", "mean")
    ]
    return Verdict(decision=decision, reason="because", suites=(rows[0],), mean=rows[1])


def test_it_shows_the_champion_and_is_the_same_every_time() -> None:
    verdicts = [_verdict("promote", 50, 60), _verdict("keep champion", 60, 55)]
    svg = plot_rounds(verdicts)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "fine perception 50.0 → 60.0" in svg  # the refused candidate did not become champion
    assert "round 2" in svg
    assert svg == plot_rounds(verdicts)
    assert svg != plot_rounds(verdicts[:1])
