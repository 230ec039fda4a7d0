"""HallusionBench with the structure of the published files; its figures again from their definition, with pandas."""

import base64
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from flows import synthesis_inputs
from flows.start import open_store
from models.worlds import find_suite
from storage.suite_shards import read_questions
from tasks.evaluation import question_of
from tasks.step import perform
from tasks.suites import fix_suite, shard_count
from tests.loop import cut_for, worker_for
from tests.unit.tasks.hallusion_rows import SETS, SUBCATEGORIES, rows

SUITE = find_suite("HallusionBench")


def write_parquet(folder: Path) -> None:
    shown = [row for row in rows() if row["image"]]
    hidden = [row for row in rows() if not row["image"]]
    target = folder / "HallusionBench" / "data"
    target.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(shown), target / "image-00000-of-00001.parquet")
    schema = pyarrow.Table.from_pylist(shown).schema
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(hidden, schema), target / "non_image-00000-of-00001.parquet")


def write_tsv(folder: Path, prefixed: bool) -> None:
    """VLMEvalKit's file: the index ends in set, figure and question; sub-categories are named with their category."""
    with (folder / "HallusionBench.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["index", "category", "l2-category", "question", "answer", "image"])
        for row in rows():
            place = [row["category"], row["subcategory"], "x", row["set_id"], row["figure_id"], row["question_id"]]
            name = f"{row['category']}_{row['subcategory']}" if prefixed else row["subcategory"]
            image = base64.b64encode(row["image"]["bytes"]).decode() if row["image"] else ""
            answer = ["No", "Yes"][int(row["gt_answer"])]
            writer.writerow(["_".join(place), row["category"], name, row["question"], answer, image])


def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The questions of the files in a folder, and the facts of the suite."""
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))
    cut = cut_for("benchmarks.suites=['HallusionBench']", f"benchmarks.folder='{tmp_path}'")
    file, _ = perform(fix_suite, synthesis_inputs.suite(cut, "HallusionBench"), worker_for(cut))
    store = open_store()
    shards = range(shard_count(store, file))
    return [row for shard in shards for row in read_questions(store, file, shard)], dict(store.manifest(file).meta)


def replies(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replies to questions: four in five right, so that some figures and questions are all right."""
    rng, found = np.random.default_rng(7), []
    for row in questions:
        wrong = ["yes and no", "I cannot tell.", "No." if row["answer"] == "yes" else "Yes."]
        said = f"{row['answer'].capitalize()}." if rng.random() < 0.8 else str(rng.choice(wrong))
        found.append({**row, "reply": said, "score": SUITE.score(question_of(row), said)})
    return found


def rating(answered: list[dict[str, Any]]) -> dict[str, float]:
    """The three figures from their definition."""
    table = pd.DataFrame([reply["index"].split("_") for reply in answered])
    table = table.rename(columns={0: "category", 1: "sub", table.columns[-3]: "set", table.columns[-2]: "figure",
                                  table.columns[-1]: "question"})  # fmt: skip
    table["right"] = [reply["reply"].strip(".").lower() == reply["answer"] for reply in answered]
    place = ["category", "sub", "set"]
    return {
        "aAcc": table.right.mean(),
        "fAcc": table.groupby([*place, "figure"]).right.all().mean(),
        "qAcc": table.groupby([*place, "question"]).right.all().mean(),
    }


@pytest.mark.parametrize("form", ["hub", "TSV", "TSV without the categories in the names"])
def test_figures_questions_and_scores_are_the_benchmarks(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "hub":
        write_parquet(tmp_path)
    else:
        write_tsv(tmp_path, prefixed=form == "TSV")
    questions, facts = asked(tmp_path, monkeypatch)
    assert len(list(rows())) == 1129
    assert (facts["questions"], facts["without_image"], facts["broken"]) == (951, 0 if form == "hub" else 178, {})
    assert facts["units"] == sum(map(len, SETS.values())) == len({row["unit"] for row in questions})
    places = [(row["category"], *row["index"].split("_")[-3:]) for row in questions]
    assert len({place[:3] for place in places}) == 346
    assert len({place[:2] + place[3:] for place in places}) == 455
    categories = {f"{category}_{name}" for category, names in SUBCATEGORIES.items() for name in names}
    assert {row["category"] for row in questions} == categories

    answered = replies(questions)
    expected, found = rating(answered), SUITE.aggregate(answered)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["score"] == pytest.approx(sum(expected.values()) / 3)
    assert np.mean(SUITE.units(answered)) == pytest.approx(found["score"])
    of_vd = [reply for reply in answered if reply["index"].startswith("VD_ocr")]
    assert found["VD_ocr"] == pytest.approx(sum(rating(of_vd).values()) / 3)
