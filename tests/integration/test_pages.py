"""The pages of a round in a real browser, on real Prefect and MLflow servers: what they say, and where links lead."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from storage.ledger.rounds import finished_round
from storage.objects import ObjectStore
from tests.browser import needs_browser, opened, width_in, words
from tests.kill.harness import World
from tests.servers import mlflow_server, prefect_server
from tests.small import SMALL, as_arguments
from viper.records import RoundResult

pytestmark = [
    pytest.mark.integration,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    needs_browser,
]

CHANGED = ["gate.resamples=150", "training.stages.vop.temperature=1.1"]
PHONE_PX = 390


@dataclass
class Pages:
    """Two finished rounds, and the servers that show them."""

    folder: Path
    prefect: str
    mlflow: str
    result: RoundResult
    """Of the second round."""
    report: str

    def artifact(self, key: str) -> dict[str, Any]:
        """The newest page of Prefect under a key."""
        asked = {"artifacts": {"key": {"any_": [key]}}, "limit": 1, "sort": "CREATED_DESC"}
        (found,) = self.ask(f"{self.prefect}/api/artifacts/filter", asked)
        page: dict[str, Any] = found
        return page

    def shown(self, key: str) -> str:
        """What that page says in the browser."""
        return words(opened(f"{self.prefect}/artifacts/artifact/{self.artifact(key)['id']}", self.folder))

    def ask(self, address: str, body: dict[str, Any]) -> Any:
        with urlopen(Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})) as reply:
            return json.load(reply)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    folder = tmp_path_factory.mktemp("pages")
    servers = {"prefect": prefect_server(folder / "prefect"), "mlflow": mlflow_server(folder / "mlflow")}
    prefect = servers["prefect"].page.removesuffix("/api/health")
    servers["prefect"].environment["PREFECT_UI_API_URL"] = f"{prefect}/api"
    try:
        for server in servers.values():
            server.start()
        world, home = World(folder, servers), folder / "home"
        for_browsers = servers["mlflow"].page.removesuffix("/health").replace("127.0.0.1", "localhost")
        for rounds, changes in (("1", []), ("2", CHANGED)):
            arguments = ["evolve", "--rounds", rounds, *as_arguments([*SMALL, *changes])]
            status, output, _ = world.run(home, arguments, VIPER_MLFLOW_PAGES=for_browsers)
            assert status == 0, output
        store = ObjectStore(world.store_root(home))
        result = finished_round(store, "shapes", 2)
        assert result is not None
        report = store.read(result.report, "report.html").decode()
        yield Pages(folder, prefect, for_browsers, result, report)
    finally:
        for server in servers.values():
            server.kill()


def test_the_run_itself_says_what_was_learned_and_links_to_the_report(pages: Pages) -> None:
    said, verdict = pages.shown("shapes-evolution"), pages.result.verdict
    assert f"Round 2: {verdict.decision}" in said
    assert verdict.reason in said
    assert verdict.mean is not None
    assert f"{verdict.mean.candidate:.1f}" in said
    assert pages.result.report.uri in said
    for lesson, ref in pages.result.datasets.items():
        assert f"dataset {lesson}:" in said
        assert ref.uri in said
    page = pages.artifact("shapes-evolution")["data"]
    assert page.count("data:image/svg+xml") >= 2  # the champion over the rounds, and the learning curves
    (link, *_) = re.findall(r"\[report\]\((\S+)\)", page)[-1:]
    assert link.startswith(f"{pages.mlflow}/#/")
    shown = words(opened(link, pages.folder))
    assert "report.html" in shown
    assert f"round 2: {verdict.decision}" in shown


def test_no_table_has_more_columns_than_a_phone_shows(pages: Pages) -> None:
    for key in ("evolution", "verdict", "yields", "gallery"):
        lines = [line for line in pages.artifact(f"shapes-{key}")["data"].splitlines() if line.startswith("|")]
        assert lines, key
        assert max(re.sub(r"\(data:[^)]*\)", "", line).count("|") for line in lines) <= 4, key


def test_yields_have_shares_and_the_gallery_marks_each_sentence(pages: Pages) -> None:
    said = pages.shown("shapes-yields")
    assert "taken 24 100.0 %" in said
    gallery = pages.shown("shapes-gallery")
    assert "painting of the caption" in gallery
    assert "Caption:" in gallery
    assert "accepted" in gallery
    assert "✓" in gallery
    assert "edited" in gallery


def test_no_run_or_step_has_a_random_name(pages: Pages) -> None:
    flows = pages.ask(f"{pages.prefect}/api/flow_runs/filter", {"limit": 200})
    tasks = pages.ask(f"{pages.prefect}/api/task_runs/filter", {"limit": 200})
    assert len(flows) > 6
    assert len(tasks) > 20
    # Prefect's own are of two words joined by a dash, or end in three hex digits.
    assert [one["name"] for one in (*flows, *tasks) if re.fullmatch(r"[a-z]+-[a-z]+|.*-[0-9a-f]{3}", one["name"])] == []


def test_mlflow_opens_on_the_verdict_in_the_view_for_training(pages: Pages) -> None:
    page = pages.artifact("shapes-evolution")["data"]
    link = re.findall(r"\[MLflow\]\((\S+)\)", page)[-1]
    verdict = pages.result.verdict
    said = words(opened(link, pages.folder))
    assert f"round 2: {verdict.decision}" in said
    assert verdict.reason in said
    assert "Evaluation runs" not in said  # of the view for agents
    (run_id,) = re.findall(r"/runs/(\w+)", link)
    with urlopen(f"{pages.mlflow}/api/2.0/mlflow/runs/get?run_id={run_id}") as reply:
        inputs = json.load(reply)["run"]["inputs"]["dataset_inputs"]
    assert {one["dataset"]["digest"] for one in inputs} == {ref.sha256[:16] for ref in pages.result.datasets.values()}
    charts = words(opened(link.replace("?", "/model-metrics?"), pages.folder))
    sections = re.findall(r"(\S+) \(\d+\) Add chart", charts)
    assert sections[0] == "mean", charts
    experiment = words(opened(re.sub(r"/runs/\w+", "", link), pages.folder))
    assert "Evolution shapes, rounds 1 to 2" in experiment


def test_the_report_stands_alone_and_fits_a_phone(pages: Pages) -> None:
    (pages.folder / "report.html").write_text(pages.report)
    said = words(opened((pages.folder / "report.html").as_uri(), pages.folder, wait_ms=3000))
    assert pages.result.verdict.reason in said
    assert "gate.resamples 100 150" in said
    assert "training.stages.1.temperature" in said
    assert "paintings of captions 24" in said
    anchors = set(re.findall(r'href="#(\w+)"', pages.report))
    assert {"benchmarks", "curves", "before", "costs", "yields", "captions", "edits", "datasets"} <= anchors
    assert anchors <= set(re.findall(r'id="(\w+)"', pages.report))
    # Nothing is fetched from anywhere.
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', re.sub(r"<svg.*?</svg>", "", pages.report, flags=re.S)) == []
    assert width_in(pages.report, PHONE_PX, pages.folder) <= PHONE_PX
