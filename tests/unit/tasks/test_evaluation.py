"""A model answers, its replies are kept with their scores, and scored again without it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands.scores import means, scores, show_scores
from flows import synthesis_inputs, training_inputs
from flows.cut import Cut
from flows.start import open_store
from models.prompt_reader import Prompt
from models.vlm import Vlm
from models.worlds import find_suite
from storage.images import read_image
from storage.manifest import PROVENANCE
from storage.suite_shards import ShardImages, read_questions
from tasks.evaluation import (
    ACCEPTED,
    AnswerInputs,
    answer_questions,
    asked_text,
    question_of,
    read_replies,
    unit_scores,
)
from tasks.rescoring import rescore
from tasks.suites import fix_suite
from tasks.worker import Worker
from tests.loop import cut_for, done, worker_for
from viper.errors import ModelError, SuiteError
from viper.records import ArtifactRef, ModelRef, VlmUse


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))


def test_units_of_several_rows_have_one_category_each() -> None:
    rows = [("u1", "a", 1.0), ("u1", "a", 0.0), ("u2", "b", 1.0)]
    replies = [
        {"unit": unit, "category": category, "score": score, "index": f"{category}_1_{number}_0"}
        for number, (unit, category, score) in enumerate(rows)
    ]
    crpe = find_suite("CRPE_RELATION")
    assert (crpe.units(replies), crpe.unit_categories(replies)) == ([0.0, 1.0], ["a", "b"])
    assert len(find_suite("HallusionBench").units(replies)) == 2
    assert find_suite("MMStar").unit_categories(replies) == ["a", "a", "b"]


def cut_of(suite: str, *changes: str) -> Cut:
    return cut_for(f"benchmarks.suites=['{suite}']", "benchmarks.limit=6", "benchmarks.shard_questions=4", *changes)


def fixed(cut: Cut, worker: Worker) -> ArtifactRef:
    return done(fix_suite, synthesis_inputs.suite(cut, cut.settings.benchmarks.suites[0]), worker)


def answered(cut: Cut, worker: Worker, model: ModelRef, shard: int) -> ArtifactRef:
    suite, file = cut.settings.benchmarks.suites[0], fixed(cut, worker)
    return done(answer_questions, training_inputs.answers(cut, model, suite, file, shard), worker)


def store_replies(suite: str, rows: list[dict[str, Any]], shard: int, model: str = "model") -> None:
    inputs = AnswerInputs(
        vlm=VlmUse(model=ModelRef(name="x", fingerprint=model), dtype="float32"),
        suite=suite,
        file=ArtifactRef(kind="suite", uri="results/suite/x", sha256="a" * 64, size_bytes=1),
        shard=shard,
        wording=cut_of("counting").world.prompts.wording,
        batch=1,
        max_new_tokens=1,
    )
    meta: dict[str, Any] = {"suite": suite, "questions": len(rows), PROVENANCE: inputs.model_dump(mode="json")}
    lines = "\n".join(json.dumps(row) for row in rows)
    open_store().commit(f"results/replies/{model}-{shard}", "replies", {"replies.jsonl": lines.encode()}, meta)


def row(index: int, reply: str, score: float, answer: str = "B") -> dict[str, Any]:
    fixed = {"text": "Which color?", "options": ["teal", "green"], "category": "color", "hint": ""}
    return {"index": str(index), "unit": str(index), "answer": answer, "reply": reply, "score": score, **fixed}


def test_replies_are_kept_raw_with_question_and_score_and_score_again_to_the_same() -> None:
    cut = cut_of("fine_perception")
    worker = worker_for(cut)
    parts = [answered(cut, worker, cut.base, shard) for shard in range(2)]
    replies = read_replies(worker.store, parts)
    assert len(replies) == 6
    assert {"index", "text", "options", "answer", "category", "unit", "reply", "score", "answered"} <= set(replies[0])
    assert unit_scores(worker.store, "fine_perception", parts) == [reply["score"] for reply in replies]
    (found,) = rescore(worker.store, ["fine-perception"])
    assert (found.rows, found.changed, found.old == found.new) == (6, 0, True)
    assert found.old == find_suite("fine_perception").aggregate(replies)


def test_how_a_suite_was_asked_stands_beside_its_figure(capsys: pytest.CaptureFixture[str]) -> None:
    cut, other = cut_of("counting"), cut_of("counting", "models.vlm.max_pixels=9216", "benchmarks.max_new_tokens=5")
    worker = worker_for(cut)
    first, second = (answered(one, worker, one.base, 0) for one in (cut, other))
    # The embedded model's folder asks for 48 x 48 pixels: a photograph of 4 : 3 becomes 48 x 32, which is 3 x 2 tokens.
    # Within 9,216 pixels it becomes 96 x 80.
    replies = {"base": {"counting": (first,)}, "model": {"counting": (first,)}}
    assert asked_text(worker.store, replies, "counting") == (
        "pixels 2,304 to 2,304 (a photograph: 6 tokens), tokens 80"
    )
    assert asked_text(worker.store, {**replies, "other": {"counting": (second,)}}, "counting") == (
        "base, model: pixels 2,304 to 2,304 (a photograph: 6 tokens), tokens 80; "
        "other: pixels 2,304 to 9,216 (a photograph: 30 tokens), tokens 5"
    )
    found = scores(worker.store, {"base": replies["base"]})
    assert [(one.suite, one.asked) for one in found] == [("counting", asked_text(worker.store, replies, "counting"))]
    read = read_replies(worker.store, [first])
    right = 100 * sum(reply["score"] for reply in read) / len(read)
    assert (found[0].points["base"]["score"], means(found)) == (pytest.approx(right), {"base": pytest.approx(right)})
    show_scores(found)
    assert "pixels 2,304 to 2,304 (a photograph: 6 tokens), tokens 80" in capsys.readouterr().out


def trained_model(cut: Cut, worker: Worker, folder: Path) -> ModelRef:
    """The base with other weights, saved as a training saves it."""
    import torch

    loaded = worker.vlm(cut.vlm(cut.base))
    with torch.no_grad():
        loaded.model.lm_head.weight.add_(torch.randn_like(loaded.model.lm_head.weight) / 3)
    loaded.model.save_pretrained(folder)
    loaded.processor.save_pretrained(folder)
    worker.release()
    entries: dict[str, Any] = {path.name: path for path in folder.iterdir()}
    ref = worker.store.commit("results/model/trained", "model", entries)
    return ModelRef(name="round 1", artifact=ref, fingerprint=ref.content_sha256)


def alone(cut: Cut, worker: Worker, model: ModelRef, file: ArtifactRef) -> list[str]:
    """What a model replies to each question by itself."""
    store, suite = worker.store, find_suite(cut.settings.benchmarks.suites[0])
    asked = []
    for shard in range(2):
        held = ShardImages(store, file, shard)
        for row in read_questions(store, file, shard):
            images = tuple(read_image(held.read(name), ACCEPTED) for name in row["images"])
            asked.append(Prompt(suite.prompt(question_of(row), cut.world.prompts.wording), images))
    tokens = cut.settings.benchmarks.max_new_tokens
    return worker.vlm(cut.vlm(model)).generate(asked, max_new_tokens=tokens, batch=1)


def test_models_share_the_images_of_a_shard_and_answer_as_if_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = cut_of("multi_image")
    worker = worker_for(cut)
    trained, file = trained_model(cut, worker, tmp_path / "trained"), fixed(cut, worker)
    read: list[int] = []
    real = Vlm.read
    monkeypatch.setattr(Vlm, "read", lambda self, prompts: (read.append(len(prompts)), real(self, prompts))[1])
    models = (cut.base, trained)
    parts = {(model.name, shard): answered(cut, worker, model, shard) for shard in range(2) for model in models}
    assert read == [4, 2]
    for model in models:
        replies = read_replies(worker.store, [parts[model.name, shard] for shard in range(2)])
        assert [reply["reply"] for reply in replies] == alone(cut, worker, model, file)
    first = [read_replies(worker.store, [parts[model.name, 0]]) for model in models]
    assert first[0] != first[1]

    answered(cut_of("multi_image", "benchmarks.batch=2"), worker, trained, 1)
    assert read[-1] == 2
    assert len(read) == 2 + 12 + 1


def test_rescoring_applies_the_present_rules_to_all_shards_of_each_model() -> None:
    store_replies("MMStar", [row(0, "B", 1.0), row(1, "B. It is green like grass in early spring", 0.0)], 0)
    store_replies("MMStar", [row(2, "A", 0.0), row(3, "A", 0.0)], 1)
    store_replies("MMStar", [row(0, "A", 1.0)], 0, model="other")
    first, other = rescore(open_store())
    assert (first.model, first.rows, first.changed) == ("model", 4, 1)
    assert (first.old["score"], first.new["score"]) == (0.25, 0.5)
    assert first.unanswered == (0.0, 0.0)
    assert (other.model, other.old["score"], other.new["score"]) == ("other", 1.0, 0.0)


def test_rescoring_what_is_not_there_is_refused() -> None:
    with pytest.raises(SuiteError, match=r"no replies of BLINK.*Run `viper benchmark` first"):
        rescore(open_store(), ["blink"])
    with pytest.raises(SuiteError, match="Did you mean 'BLINK'"):
        rescore(open_store(), ["blinc"])


# peft asks transformers for a name that the latter is about to drop.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
def test_an_adapter_is_put_on_the_base_and_is_a_model_of_its_own(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    cut = cut_of("fine_perception")
    worker = worker_for(cut)
    with pytest.raises(ModelError, match=r"has no adapter_config.json"):
        cut.identities.with_adapter(cut.base, tmp_path)
    model = worker.vlm(cut.vlm(cut.base)).model
    name = next(name for name, _ in model.named_parameters() if name.endswith("q_proj.weight"))
    before = dict(model.named_parameters())[name].detach().clone()
    worker.release()
    lora = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    lora.save_pretrained(str(tmp_path / "adapter"))

    adapted = cut.identities.with_adapter(cut.base, tmp_path / "adapter")
    assert adapted.fingerprint not in ("", cut.base.fingerprint)
    found = dict(worker.vlm(cut.vlm(adapted)).model.named_parameters())
    assert torch.equal(found[name.replace(".weight", ".base_layer.weight")], before)
    assert found[name.replace(".weight", ".lora_B.default.weight")].any()
    assert torch.equal(dict(worker.vlm(cut.vlm(cut.base)).model.named_parameters())[name], before)


def viper(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from commands.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


def test_the_command_prints_old_and_new_points() -> None:
    store_replies("MMStar", [row(0, "B", 1.0), row(1, "B. It is green like grass in early spring", 0.0)], 0)
    done = viper("benchmark", "rescore", "--suites", "mmstar")
    assert done.returncode == 0, done.stderr
    (line,) = [line.split("│") for line in done.stdout.splitlines() if "MMStar" in line]
    assert [cell.strip() for cell in line[1:-1]] == ["MMStar", "model", "2", "1", "50.0", "100.0"]
    assert "no answer" not in done.stdout


def test_the_command_prints_the_share_of_replies_without_an_answer() -> None:
    store_replies("MMStar", [{**row(0, "What?", 0.0), "answered": True}, row(1, "B", 1.0)], 0)
    done = viper("benchmark", "rescore")
    (line,) = [line.split("│") for line in done.stdout.splitlines() if "no answer" in line]
    assert [cell.strip() for cell in line[1:-1]] == ["no answer", "", "", "", "0.0", "50.0"]


def test_a_wrong_suite_ends_the_command_with_the_nearest_name() -> None:
    done = viper("benchmark", "--suites", "countng")
    assert done.returncode == 2
    assert "Did you mean 'counting'" in done.stderr
