"""A model answers, its replies are kept with their scores, and scored again without it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models import prompts
from models.suites.catalog import find_suite
from models.vlm import Prompt
from models.vlm import Vlm as LoadedVlm
from storage.images import read_image
from storage.suite_shards import ShardImages, read_questions
from tasks.evaluation import answer_questions, question_of, read_replies, unit_scores
from tasks.generation import load, with_adapter
from tasks.promotion import base_vlm
from tasks.rescoring import rescore
from tasks.step import open_store, release_models
from tasks.suites import fix_suite
from viper.errors import ModelError, SuiteError
from viper.profiles import load_profile, override
from viper.records import ArtifactRef, ModelRef
from viper.settings import Settings


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


def settings_for(suite: str) -> Settings:
    changes = [f"benchmarks.suites=['{suite}']", "benchmarks.limit=6", "benchmarks.shard_questions=4"]
    return override(load_profile("shapes"), changes)


def answered(settings: Settings) -> list[ArtifactRef]:
    suite = settings.benchmarks.suites[0]
    file = fix_suite.fn(settings, suite)
    assert isinstance(file, ArtifactRef)
    parts = [answer_questions.fn(settings, base_vlm(settings), suite, file, shard) for shard in range(2)]
    assert all(isinstance(part, ArtifactRef) for part in parts)
    return parts  # type: ignore[return-value]


def store_replies(suite: str, rows: list[dict[str, Any]], shard: int, model: str = "model") -> None:
    meta: dict[str, Any] = {"suite": suite, "questions": len(rows), "inputs": {"vlm": model, "shard": shard}}
    lines = "\n".join(json.dumps(row) for row in rows)
    open_store().commit(f"results/replies/{model}-{shard}", "replies", {"replies.jsonl": lines.encode()}, meta)


def row(index: int, reply: str, score: float, answer: str = "B") -> dict[str, Any]:
    fixed = {"text": "Which color?", "options": ["teal", "green"], "category": "color", "hint": ""}
    return {"index": str(index), "unit": str(index), "answer": answer, "reply": reply, "score": score, **fixed}


def test_replies_are_kept_raw_with_question_and_score_and_score_again_to_the_same() -> None:
    settings = settings_for("fine_perception")
    parts = answered(settings)
    replies = read_replies(parts)
    assert len(replies) == 6
    assert {"index", "text", "options", "answer", "category", "unit", "reply", "score"} <= set(replies[0])
    assert unit_scores("fine_perception", parts) == [reply["score"] for reply in replies]
    (found,) = rescore(["fine-perception"])
    assert (found.rows, found.changed, found.old == found.new) == (6, 0, True)
    assert found.old == find_suite("fine_perception").aggregate(replies)


def trained_model(settings: Settings, folder: Path) -> ModelRef:
    """The base with other weights, saved as a training saves it."""
    import torch

    loaded = load(settings, base_vlm(settings))
    with torch.no_grad():
        loaded.model.lm_head.weight.add_(torch.randn_like(loaded.model.lm_head.weight) / 3)
    loaded.model.save_pretrained(folder)
    loaded.processor.save_pretrained(folder)
    release_models()
    entries: dict[str, Any] = {path.name: path for path in folder.iterdir()}
    ref = open_store().commit("results/model/trained", "model", entries)
    return ModelRef(name="round 1", artifact=ref, fingerprint=ref.sha256)


def test_models_share_the_images_of_a_shard_and_answer_as_if_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for("multi_image")
    trained = trained_model(settings, tmp_path / "trained")
    file = fix_suite.fn(settings, "multi_image")
    assert isinstance(file, ArtifactRef)
    read: list[int] = []
    real = LoadedVlm._processed
    monkeypatch.setattr(
        LoadedVlm, "_processed", lambda self, prompts: (read.append(len(prompts)), real(self, prompts))[1]
    )
    parts = {}
    for shard in range(2):
        for vlm in (base_vlm(settings), trained):
            parts[vlm.name, shard] = answer_questions.fn(settings, vlm, "multi_image", file, shard)
    assert read == [4, 2]
    for vlm in (base_vlm(settings), trained):
        replies = [reply for shard in range(2) for reply in read_replies([parts[vlm.name, shard]])]
        rows = [row for shard in range(2) for row in read_questions(open_store(), file, shard)]
        images = [ShardImages(open_store(), file, number // 4) for number in range(6)]
        said, suite = prompts.SETS[settings.prompts], find_suite("multi_image")
        asked = [
            Prompt(
                suite.prompt(question_of(row), said),
                tuple(read_image(held.read(name), 10**6, 10**6) for name in row["images"]),
            )
            for row, held in zip(rows, images, strict=True)
        ]
        alone = load(settings, vlm).generate(asked, max_new_tokens=settings.benchmarks.max_new_tokens, batch=1)
        assert [reply["reply"] for reply in replies] == alone
    assert read_replies([parts["base", 0]]) != read_replies([parts["round 1", 0]])

    other = override(settings, ["benchmarks.batch=2"])
    answer_questions.fn(other, trained, "multi_image", file, 1)
    assert read[-1] == 2
    assert len(read) == 2 + 12 + 1


def test_rescoring_applies_the_present_rules_to_all_shards_of_each_model() -> None:
    store_replies("MMStar", [row(0, "B", 1.0), row(1, "B. It is green like grass in early spring", 0.0)], 0)
    store_replies("MMStar", [row(2, "A", 0.0), row(3, "A", 0.0)], 1)
    store_replies("MMStar", [row(0, "A", 1.0)], 0, model="other")
    first, other = rescore()
    assert (first.model, first.rows, first.changed) == ("model", 4, 1)
    assert (first.old["score"], first.new["score"]) == (0.25, 0.5)
    assert (other.model, other.old["score"], other.new["score"]) == ("other", 1.0, 0.0)


def test_rescoring_what_is_not_there_is_refused() -> None:
    with pytest.raises(SuiteError, match=r"no replies of BLINK.*Run `viper benchmark` first"):
        rescore(["blink"])
    with pytest.raises(SuiteError, match="Did you mean 'BLINK'"):
        rescore(["blinc"])


# peft asks transformers for a name that the latter is about to drop.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
def test_an_adapter_is_merged_into_the_base_and_is_a_model_of_its_own(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    settings = settings_for("fine_perception")
    with pytest.raises(ModelError, match=r"has no adapter_config.json"):
        with_adapter(settings, tmp_path)
    base = base_vlm(settings)
    model = load(settings, base).model
    name = next(name for name, _ in model.named_parameters() if name.endswith("q_proj.weight"))
    before = dict(model.named_parameters())[name].detach().clone()
    release_models()
    lora = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    lora.save_pretrained(str(tmp_path / "adapter"))

    vlm = with_adapter(settings, tmp_path / "adapter")
    assert vlm.fingerprint not in ("", base.fingerprint)
    merged = dict(load(settings, vlm).model.named_parameters())[name]
    assert not torch.equal(merged, before)
    assert torch.equal(dict(load(settings, base).model.named_parameters())[name], before)
    release_models()


def viper(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from commands.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


def test_the_command_prints_old_and_new_points() -> None:
    store_replies("MMStar", [row(0, "B", 1.0), row(1, "B. It is green like grass in early spring", 0.0)], 0)
    done = viper("benchmark", "rescore", "--suites", "mmstar")
    assert done.returncode == 0, done.stderr
    (line,) = [line.split("│") for line in done.stdout.splitlines() if "MMStar" in line]
    assert [cell.strip() for cell in line[1:-1]] == ["MMStar", "model", "2", "1", "50.0", "100.0"]


def test_a_wrong_suite_ends_the_command_with_the_nearest_name() -> None:
    done = viper("benchmark", "--suites", "countng")
    assert done.returncode == 2
    assert "Did you mean 'counting'" in done.stderr
