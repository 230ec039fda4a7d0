"""A round's judge against the true scenes: in the report, and by ``viper judge measure``."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from commands.cli import app
from flows import training_inputs
from flows.start import open_store
from models.payloads import Critique, Critiques, Distances, JudgedEdit, Operations, Refinement, Refinements
from models.worlds.shapes.scene import Scene, Thing, render
from storage.ledger.requests import keep_request
from storage.ledger.rounds import keep_result
from tasks.report import write_report
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.profiles import override
from viper.records import ArtifactRef, ModelRef, RoundResult, Synthesis, Verdict

BASE = ModelRef(name="base", settings_path="shapes:vlm", fingerprint="b")
CUT = cut_for()
VERDICT = Verdict(decision="keep champion", reason="no gain")
RING, CROSS = Thing(0, "small", "teal", "ring"), Thing(4, "large", "red", "cross")
TEAL, WRONG = "the object at the top left is teal, not green.", "there is no object at the top left."


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.delenv("VIPER_STORE", raising=False)


def drawn(*things: Thing) -> Image.Image:
    return Image.fromarray(render(Scene(things), np.random.default_rng(0)))


def made() -> Synthesis:
    """Two pictures: a ring that is called green, corrected once rightly and once wrongly, and a true caption."""

    def row(caption: str, refinements: str) -> Refinement:
        return Refinement(
            caption=caption, refinements=refinements, refined="", kept=True, reason="", gain=0, first_distance=0
        )

    def edit(image: str, sentence: str, kept: bool) -> JudgedEdit:
        return JudgedEdit(
            image=image,
            sentences=(sentence,),
            regions=None,
            kinds=("remove",),
            changes=(0.0,) * 9,
            kept=kept,
            reason="",
        )

    critiques = {
        "a": [
            Critique(refinements=TEAL, refined="", draws=(0, 1, 2)),
            Critique(refinements=WRONG, refined="", draws=(3,)),
        ],
        "b": [Critique(refinements="nothing to correct.", refined="", draws=(0, 1, 2, 3))],
    }
    rows = {
        "a": row("the top left holds a small green ring.", TEAL),
        "b": row("the middle center holds a large red cross.", "nothing to correct."),
    }
    edits = {
        "a/0": edit("a", "remove the object at the top left.", kept=True),
        "b/0": edit("b", "remove the object at the middle center.", kept=False),
    }
    facts: Any = {"reasons": {"accepted": 2}}
    pictures = {"a": drawn(RING), "b": drawn(CROSS)}
    return Synthesis(
        datasets={},
        shards=(shard_of(pictures),),
        products={
            "critiques": (stored("critiques", Critiques({name: tuple(each) for name, each in critiques.items()})),),
            "refinements": (stored("refinements", Refinements(rows), facts=facts),),
            "paintings": (stored("paintings", Distances({}), pictures=pictures),),
            # The first edit took nothing away, the second one did.
            "edits": (stored("edits", pictures={"a/0": drawn(RING), "b/0": drawn()}),),
            "operations": (stored("operations", Operations(edits), facts=facts),),
        },
        seconds=(),
    )


def written(*changes: str) -> ArtifactRef:
    cut = cut_for(*changes)
    return done(write_report, training_inputs.report(cut, 1, made(), [VERDICT], {}, {}, None), worker_for(cut))


def finish(*changes: str) -> None:
    """Round 1 of an evolution, with the report of ``made``."""
    store, settings = open_store(), override(CUT.settings, list(changes))
    keep_request(store, "shapes", 1, settings)
    result = RoundResult(
        evolution=settings.evolution,
        round_number=1,
        settings_sha256=settings.sha256,
        base=BASE,
        champion_before=BASE,
        candidate=BASE,
        champion_after=BASE,
        datasets={},
        report=written(*changes),
        verdict=VERDICT,
        seconds=(),
    )
    keep_result(store, result, {"report.md": b"page"})


def test_the_report_of_the_embedded_world_says_how_right_the_judge_was() -> None:
    page = worker_for(CUT).store.read(written(), "report.html").decode()
    assert "Against the truth (embedded world only)" in page
    row = page[page.index("<td>sentences that are right</td>") :].partition("</tr>")[0]
    assert row.count("<td>") == 4
    assert "75.0 % (3 of 4)" in row
    assert "100.0 % (1 of 1)" in row


def test_the_report_of_other_pools_says_nothing_of_a_truth() -> None:
    page = worker_for(CUT).store.read(written("pool.uri=./photographs"), "report.html").decode()
    assert "Against the truth" not in page


def measured(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["judge", "measure", *arguments])
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def test_a_finished_round_is_measured_by_hand_counted_figures() -> None:
    finish()
    found = json.loads(measured("--evolution", "shapes", "--round", "1", "--json"))
    assert (found["evolution"], found["round"], found["measured"]["pictures"]) == ("shapes", 1, 2)
    figures = {
        name: [
            (side["right"], side["of"])
            for side in (found["measured"][name][key] for key in ("before", "after", "rejected"))
        ]
        for name in ("sentences", "critiques", "nothing", "needed", "edits")
    }
    assert figures == {
        "sentences": [(3, 4), (1, 1), (0, 0)],
        "critiques": [(3, 4), (1, 1), (0, 0)],
        "nothing": [(4, 4), (1, 1), (0, 0)],
        "needed": [(1, 1), (1, 1), (0, 1)],
        "edits": [(1, 2), (0, 1), (1, 1)],
    }
    said = measured()
    assert "Round 1 of shapes against the true scenes of its 2 pictures" in said
    assert "75.0 % (3 of 4)" in said


def test_the_settings_of_the_round_count_and_not_those_asked_for_since() -> None:
    finish()
    keep_request(open_store(), "shapes", 2, override(CUT.settings, ["pool.uri=./photographs"]))
    assert json.loads(measured("--json"))["measured"]["pictures"] == 2


def test_what_cannot_be_measured_is_said_before_any_work() -> None:
    assert "Which evolution?" in measured(code=2)
    keep_request(open_store(), "shapes", 1, CUT.settings)
    assert "Round 1 of 'shapes' is not finished (0 rounds are)" in measured(code=2)
    assert "Round 3 of 'shapes' is not finished" in measured("--round", "3", code=2)


def test_pools_whose_truth_nobody_knows_are_refused() -> None:
    finish("pool.uri=./photographs")
    assert "The truth is known for the pool of a world only; pool.uri is './photographs'" in measured(code=2)
