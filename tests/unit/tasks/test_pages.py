"""The benchmark table, in the Prefect UI and in the report."""

import re

from models.comparison import compare
from models.gate import decide
from tasks.overview import round_tables
from tasks.pages import benchmark_table, figure_tables, gain_table
from viper.records import ArtifactRef, ModelRef, RoundResult, Verdict
from viper.settings import GateSettings

GATE = GateSettings(resamples=50)
OLD = """{"decision": "promote", "reason": "because", "suites": [{"suite": "fine", "questions": 200, "base": 50.0,
"champion": 50.0, "candidate": 55.0, "against_base": {"points": 5.0, "low": 1.0, "high": 9.0, "test": {"name": "sign",
"won": 20, "lost": 10, "p": 0.1, "p_adjusted": 0.1, "detectable_points": 3.0}}, "against_champion": {"points": 5.0,
"low": 1.0, "high": 9.0, "test": null}, "categories": []}], "mean": {"suite": "mean", "questions": 200, "base": 50.0,
"champion": 50.0, "candidate": 55.0, "against_base": {"points": 5.0, "low": 1.0, "high": 9.0, "test": null},
"against_champion": {"points": 5.0, "low": 1.0, "high": 9.0, "test": null}, "categories": []}}"""


def _verdict(champion: list[float], candidate: list[float]) -> Verdict:
    scores = {"base": {"a": champion}, "champion": {"a": champion}, "candidate": {"a": candidate}}
    categories = {"a": ["easy"] * 30 + ["hard"] * (len(champion) - 30)}
    return decide(*compare(scores, categories, GATE, 0), None, GATE)


def _cells(table: str, name: str) -> list[str]:
    """Up to the power line; how many replies are no answers, and how it was asked, stand behind it."""
    row = next(line for line in table.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row[1:-1].split("|")][:-2]


def test_a_line_stands_where_it_is_known_and_a_dash_elsewhere() -> None:
    table = benchmark_table(_verdict([0.0] * 1000, [1.0] * 40 + [0.0] * 960))
    line = _cells(table, "a")[-1]
    assert 1.5 < float(line) < 2.2
    assert _cells(table, "↳ easy")[-1] == "–"  # 30 questions
    assert _cells(table, "mean")[-2:] == ["<0.001", line]  # one suite is its own mean


def test_no_table_says_that_nothing_is_too_small_to_see() -> None:
    graded, same = [0.25] * 1000, [1.0] * 600 + [0.0] * 400
    for scores in (graded, same):
        shown = [_cells(benchmark_table(_verdict(scores, scores)), name)[-1] for name in ("a", "↳ easy", "mean")]
        assert "0.0" not in shown
        assert shown == (["–"] * 3 if scores is graded else ["0.8", "–", "0.8"])


def test_verdicts_of_earlier_versions_are_read_and_shown() -> None:
    old = Verdict.model_validate_json(OLD)
    assert _cells(benchmark_table(old), "fine")[5:] == ["+5.0 [+1.0, +9.0]", "0.1", "+5.0 [+1.0, +9.0]", "", "–"]
    assert Verdict.model_validate_json(old.model_dump_json()) == old


def test_narrow_tables_say_all_that_the_wide_one_does() -> None:
    verdict = _verdict([0.0] * 1000, [1.0] * 40 + [0.0] * 960)
    wide, narrow = benchmark_table(verdict), figure_tables(verdict)
    lines = [line for line in narrow.splitlines() if line.startswith("|")]
    assert max(line.count("|") for line in lines) <= 4
    for name in ("a", "↳ easy", "↳ hard", "mean"):
        (row,) = [line for line in wide.splitlines() if line.startswith(f"| {name} |")]
        said = {cell.strip() for line in lines if line.startswith(f"| {name} |") for cell in re.split(r"[|/]", line)}
        assert {cell.strip() for cell in row.split("|")} <= said | {""}


def _round(number: int, champion: str, verdict: Verdict) -> RoundResult:
    model = ModelRef(name=champion, fingerprint="f")
    return RoundResult(
        evolution="main",
        round_number=number,
        settings_sha256="s",
        base=model,
        champion_before=model,
        candidate=model,
        champion_after=model,
        datasets={},
        report=ArtifactRef(kind="report", uri="results/report/x", sha256="x", size_bytes=1),
        verdict=verdict,
        seconds=(),
    )


ROOM_PX, LETTER_PX, CELL_PX = 335, 7, 24
"""What Prefect leaves a table at 390 pixels; how wide letters and the edges of a cell are, as a browser shows them."""


def _widths_px(markdown: str) -> list[float]:
    """How wide each table is by its widest cells."""
    found = []
    for table in re.findall(r"(?:^\|.*\n?)+", markdown, re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", table)  # of a link its words
        rows = [line.strip("|").split("|") for line in shown.splitlines() if not line.startswith("|-")]
        letters = [max(len(cell.strip()) for cell in column) for column in zip(*rows, strict=True)]
        found.append(CELL_PX * len(letters) + LETTER_PX * sum(letters))
    return found


def test_the_tables_of_a_page_fit_a_phone() -> None:
    scores = {"instance_reasoning": [0.0] * 1000}
    better = {"instance_reasoning": [1.0] * 400 + [0.0] * 600}
    categories, by_role = {"instance_reasoning": ["easy"] * 1000}, {"base": scores, "champion": scores}
    verdict = decide(*compare({**by_role, "candidate": better}, categories, GATE, 0), None, GATE)
    kept = verdict.model_copy(update={"decision": "keep champion"})
    links = {10: {"report": "http://host/1", "MLflow": "http://host/2"}}
    rounds = round_tables([_round(9, "round 9", verdict), _round(10, "round 10", kept)], links)
    for page, tables in ((rounds, 3), (gain_table(verdict), 3), (figure_tables(verdict), 7)):
        widths = _widths_px(page)
        assert len(widths) == tables
        assert max(widths) <= ROOM_PX, page
    wide = [one for one in _widths_px(benchmark_table(verdict)) if one > ROOM_PX]
    assert wide  # which is why no page shows that table


def test_the_rounds_of_an_evolution_are_told_in_narrow_tables() -> None:
    better, ended = _verdict([0.0] * 1000, [1.0] * 40 + [0.0] * 960), Verdict(decision="collapse", reason="says less")
    links = {1: {"report": "http://host/1", "MLflow": "http://host/2"}}
    shown = round_tables([_round(1, "round 1", better), _round(2, "the base", ended)], links)
    said: dict[str, set[str]] = {}
    for line in shown.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        said.setdefault(cells[1] if line.startswith("|") else "", set()).update(cells)
    # 40 of 1000 questions more, each of which counts 0.1 points.
    assert {better.decision, "4.0", "<0.001", "round 1", "[report](http://host/1) · [MLflow](http://host/2)"} <= said[
        "1"
    ]
    assert any(cell.startswith("+4.0 [") for cell in said["1"])
    assert said["2"] == {"", "2", "collapse", "the base"}
