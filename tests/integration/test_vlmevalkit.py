"""VLMEvalKit's own scoring and prompts beside ours, on the same rows and replies.

    git clone https://github.com/open-compass/VLMEvalKit
    VLMEVALKIT_HOME=VLMEvalKit make test ARGS="-m slow tests/integration/test_vlmevalkit.py"

Replies are in forms about which both agree; the table of ``tests/unit/models/test_extraction.py`` has the others. They
agreed at commit e8e78f05 of its repository.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.suites.suite import Question
from models.worlds import WORLDS, find_suite
from tests.unit.tasks.hallusion_rows import rows as hallusion_rows

HOME = os.environ.get("VLMEVALKIT_HOME", "")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not HOME, reason="needs VLMEvalKit's source: set VLMEVALKIT_HOME to a clone of its repository"),
]

ROOT = Path(__file__).resolve().parents[2]
WORDING = WORLDS["photographs"].prompts.wording
COLORS = ["teal", "green", "red", "blue", "The image does not feature it"]
FORMS = [
    "{letter}",
    "{letter}.",
    "({letter})",
    "{letter}. {text}",
    "The answer is {letter}.",
    "{text}",
    "I cannot tell.",
]
CIRCULAR_FORMS = ["{letter}", "{letter}.", "{letter}. {text}"]
"""No others: VLMEvalKit counts any reply to CRPE as right that does not begin with a letter from A to D."""
DOMAINS = ["Perception/OCR with Complex Context", "Perception/Remote Sensing", "Reasoning/Monitoring"]


def choices(suite: str, options: int, forms: list[str]) -> list[dict[str, Any]]:
    """Rows of single-choice questions, some without option C, with replies of which about half are right."""
    rng, found = np.random.default_rng(len(suite)), []
    for number in range(240):
        texts = list(rng.permutation(COLORS[:options]))
        letters = dict(zip("ABCDE", map(str, texts), strict=False))
        letters["C"] = letters["C"] if options == 5 or number % 5 else ""
        known = [letter for letter, text in letters.items() if text]
        answer, said = (str(rng.choice(known)) for _ in range(2))
        said = answer if rng.random() < 0.5 else said
        category = DOMAINS[number % 3] if options == 5 else f"category {number % 3}"
        listed = "\n".join(f"({letter}) {text}" for letter, text in letters.items())
        found.append({
            "index": number, "image_path": "a.png", "question": f"Which color has thing {number}?", **letters,
            "multi-choice options": f"The choices are listed below:\n{listed}", "answer": answer, "category": category,
            "l2-category": "color", "prediction": str(rng.choice(forms)).format(letter=said, text=letters[said]),
        })  # fmt: skip
    return found


def circular(suite: str) -> list[dict[str, Any]]:
    """CRPE's questions in four rows each."""
    rng, found = np.random.default_rng(len(suite)), []
    for number in range(80):
        right = str(rng.choice(COLORS[:4]))
        for shift in range(4):
            turned = COLORS[shift:4] + COLORS[:shift]
            listed = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", turned, strict=True))
            answer = "ABCD"[turned.index(right)]
            said = answer if rng.random() < 0.9 else str(rng.choice(list("ABCD")))
            reply = str(rng.choice(CIRCULAR_FORMS)).format(letter=said, text=turned["ABCD".index(said)])
            category = "exist" if suite == "CRPE_EXIST" else ("subject", "predicate", "object")[number % 3]
            found.append({
                "index": len(found), "image_path": f"{number}.png", "question": f"Which color?\n{listed}",
                "answer": answer, "category": category, "prediction": reply,
            })  # fmt: skip
    return found


def hallusion() -> list[dict[str, Any]]:
    """The rows of HallusionBench that have a picture."""
    rng, found = np.random.default_rng(3), []
    for row in hallusion_rows():
        if row["image"] is None:
            continue
        place = [row["category"], row["subcategory"], "x", row["set_id"], row["figure_id"], row["question_id"]]
        answer = ["No", "Yes"][int(row["gt_answer"])]
        said = (
            answer
            if rng.random() < 0.8
            else str(rng.choice(["Yes.", "No, it is not.", "yes and no", "I cannot tell."]))
        )
        found.append({
            "index": "_".join(place), "image_path": "a.png", "question": row["question"], "answer": answer,
            "category": row["category"], "l2-category": f"{row['category']}_{row['subcategory']}", "prediction": said,
        })  # fmt: skip
    return found


@pytest.fixture(scope="module")
def job() -> dict[str, list[dict[str, Any]]]:
    found = {suite: choices(suite, 4, FORMS) for suite in ("MMStar", "RealWorldQA", "BLINK")}
    # Its rule for MME-RealWorld takes the first capital from A to E, wherever it stands.
    found["MME-RealWorld"] = choices("MME-RealWorld", 5, ["{letter}", "({letter})", "The best answer is {letter}."])
    return (
        found | {"HallusionBench": hallusion()} | {suite: circular(suite) for suite in ("CRPE_EXIST", "CRPE_RELATION")}
    )


@pytest.fixture(scope="module")
def theirs(job: dict[str, Any]) -> dict[str, Any]:
    """What VLMEvalKit makes of the job."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.vlmevalkit", HOME],
        input=json.dumps(job),
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def asked(suite: str, rows: list[dict[str, Any]]) -> list[Question]:
    return [find_suite(suite).question(row) for row in rows]


def ours(suite: str, rows: list[dict[str, Any]]) -> dict[str, float]:
    """Our figures on the same rows."""
    found, replies = find_suite(suite), []
    for row, question in zip(rows, asked(suite, rows), strict=True):
        score, unit = found.score(question, row["prediction"]), found.unit(question, (row["image_path"],))
        replies.append({**vars(question), "unit": unit, "score": score})
    return found.aggregate(replies)


@pytest.mark.parametrize("suite", ["MMStar", "RealWorldQA", "BLINK"])
def test_accuracy_is_the_same_overall_and_by_category(suite: str, job: Any, theirs: Any) -> None:
    (expected,), found = theirs[suite]["scores"], ours(suite, job[suite])
    assert found["score"] == pytest.approx(expected["Overall"])
    assert 0.3 < found["score"] < 0.7
    for category in ("category 0", "category 1", "category 2"):
        assert found[category] == pytest.approx(expected[category])


def test_mme_realworld_is_the_same_overall_and_by_task(job: Any, theirs: Any) -> None:
    expected, found = theirs["MME-RealWorld"]["scores"], ours("MME-RealWorld", job["MME-RealWorld"])
    assert found["score"] == pytest.approx(expected["Overall"])
    assert {name: found[name] for name in ("Perception", "Reasoning")} == pytest.approx(
        {name: expected[name]["Avg"] for name in ("Perception", "Reasoning")}
    )


def test_hallusionbench_is_the_same_in_its_three_figures(job: Any, theirs: Any) -> None:
    by_split = {row["split"]: row for row in theirs["HallusionBench"]["scores"]}
    found = ours("HallusionBench", job["HallusionBench"])
    figures = ("aAcc", "fAcc", "qAcc")
    assert {name: 100 * found[name] for name in figures} == pytest.approx({n: by_split["Overall"][n] for n in figures})
    for name in ("VD_ocr", "VS_ocr", "VS_table"):
        assert 100 * found[name] == pytest.approx(sum(by_split[name][figure] for figure in figures) / 3)


@pytest.mark.parametrize("suite", ["CRPE_EXIST", "CRPE_RELATION"])
def test_crpe_is_circular_in_both(suite: str, job: Any, theirs: Any) -> None:
    expected, found = theirs[suite]["scores"], ours(suite, job[suite])
    assert found["score"] == pytest.approx(expected["total"])
    assert found["score"] < found["rows"]
    for category in ("subject", "predicate", "object") if suite == "CRPE_RELATION" else ():
        assert found[category] == pytest.approx(expected[category])


@pytest.mark.parametrize("suite", ["MMStar", "RealWorldQA", "BLINK", "MME-RealWorld", "HallusionBench", "CRPE_EXIST"])
def test_questions_are_asked_in_its_words(suite: str, job: Any, theirs: Any) -> None:
    found = [find_suite(suite).prompt(question, WORDING) for question in asked(suite, job[suite])]
    assert found == [prompt.rstrip() for prompt in theirs[suite]["prompts"]]
