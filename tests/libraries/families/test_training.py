"""Every family learns: three steps with adapters and with all weights, then it is saved and loaded again."""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, Features, Image, List, Value
from peft import PeftModel
from trl import GRPOTrainer

from models.families import find_family
from models.families.weights import in_vision
from models.grpo import ViperTrainer, make_trainer
from models.prompt_reader import Prompt
from models.rewards import RewardParts
from models.sft import make_sft_trainer
from models.trainable import Adaptation
from models.vlm import Vlm, load_vlm
from tests.grpo import losses_both_ways
from tests.small_vlms import SMALL, picture, settings_of
from viper.settings import GrpoStage, LoraSettings, SftStage

pytestmark = [
    # TRL 1.16 still reads a property that transformers 5.23 renamed.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning"),
]
FolderOf = Callable[[str], Path]
QUICK = ("qwen2_5_vl", "llava_onevision")
KINDS = [pytest.param(kind, marks=[] if kind in QUICK else [pytest.mark.slow]) for kind in SMALL]
STAGE = GrpoStage(
    lessons=("csr",),
    steps=3,
    prompts_per_step=4,
    generations=4,
    learning_rate=1e-2,
    max_completion_tokens=6,
    checkpoint_steps=3,
    micro_batch=4,
    updates_per_batch=1,
)
SHOWN = [
    ("describe the image.", [picture(32, 32)]),
    ("what was changed?", [picture(40, 70), picture(64, 64)]),
    ("what?", [picture(64, 40)]),
    ("what was changed from the first?", [picture(40, 30), picture(100, 40)]),
]
ROWS = [{"prompt": text, "images": images, "truth": ["a."]} for text, images in SHOWN]
PROMPTS = [Prompt(text, tuple(images)) for text, images in SHOWN]


class LetterShare:
    """Rewards an answer by the share of its characters that are letters."""

    def score(
        self, answers: Sequence[str], truths: Sequence[Sequence[str]], finished: Sequence[bool]
    ) -> list[RewardParts]:
        shares = [sum(map(str.isalpha, answer)) / max(1, len(answer)) for answer in answers]
        return [RewardParts(share, 0.0, 0.0, 0.0, len(answer)) for share, answer in zip(shares, answers, strict=True)]


def trainer_of(folder: Path, to: Path, method: Any, tower: bool, **changes: Any) -> ViperTrainer:
    lora = LoraSettings(rank=4, alpha=4) if method == "lora" else None
    adaptation = Adaptation(method=method, lora=lora, vision_tower=tower, shared_prefix=True)
    return make_trainer(
        settings_of(folder), ROWS, STAGE.model_copy(update=changes), adaptation, LetterShare(), 5, to / "checkpoints"
    )


def logits(model: Any, processor_of: Vlm) -> torch.Tensor:
    """What follows the prompts of all rows."""
    with torch.no_grad():
        found: torch.Tensor = model(**processor_of.inputs(PROMPTS)).logits[:, -1]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "tower"), [("lora", False), ("lora", True), ("full", False), ("full", True)])
def test_three_steps_move_the_weights_that_learn_and_no_others(
    kind: str, method: str, tower: bool, folder_of: FolderOf, tmp_path: Path
) -> None:
    trainer, family = trainer_of(folder_of(kind), tmp_path, method, tower), find_family(kind)
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.train()
    steps = [line for line in trainer.state.log_history if "reward" in line]
    assert len(steps) == 3
    assert all(math.isfinite(line["loss"]) and line["grad_norm"] > 0 and line["reward_std"] > 0 for line in steps)
    assert len({line["reward"] for line in steps}) == 3
    after = dict(trainer.model.named_parameters())
    moved = {name for name, weight in after.items() if not torch.equal(before[name], weight)}
    learns = {name for name, weight in after.items() if weight.requires_grad}
    # LLaVA-OneVision's features are those before its tower's last norm.
    assert moved == {name for name in learns if "post_layernorm" not in name or kind != "llava_onevision"}
    in_tower = [name for name in moved if in_vision(family, name.removeprefix("base_model.model."))]
    assert bool(in_tower) == tower
    assert len(in_tower) < len(moved)
    assert all(".lora_" in name for name in moved) == (method == "lora")

    # Saved, and loaded again:
    model = trainer.model.merge_and_unload() if isinstance(trainer.model, PeftModel) else trainer.model
    model.save_pretrained(tmp_path / "model")
    trainer.processing_class.save_pretrained(tmp_path / "model")
    base, again = load_vlm(settings_of(folder_of(kind))), load_vlm(settings_of(tmp_path / "model"))
    expected = logits(model.eval(), base)
    torch.testing.assert_close(logits(again.model, again), expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(logits(base.model, base), expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_supervised_stage_learns_from_rows_with_one_and_two_pictures(
    kind: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    columns = {"images": [row["images"] for row in ROWS], "prompt": [row["prompt"] for row in ROWS]}
    columns["truth"] = [["the top left holds a large red ring."]] * len(ROWS)
    features = Features({"images": List(Image()), "prompt": Value("string"), "truth": List(Value("string"))})
    stage = SftStage(
        lessons=("csr",),
        steps=3,
        rows_per_step=4,
        learning_rate=1e-2,
        warmup_steps=0,
        checkpoint_steps=3,
        micro_batch=2,
    )
    rows, adaptation = Dataset.from_dict(columns, features=features), Adaptation(method="full", lora=None)
    trainer = make_sft_trainer(settings_of(folder_of(kind)), rows, stage, adaptation, 3, tmp_path)
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert len(losses) == 3
    assert losses[2] < losses[1] < losses[0]


def scored(trainer: ViperTrainer, batch: dict[str, Any], size: int) -> torch.Tensor:
    """Log-probabilities (rollouts, tokens) of a batch's answers, ``size`` rollouts a forward pass."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    known = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask", "advantages", "num_items_in_batch")
    fields = {name: value for name, value in batch.items() if name not in known}
    columns = batch["completion_ids"].shape[1]
    with torch.no_grad():
        found: torch.Tensor = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, mask, columns, batch_size=size, **fields
        )[0]
    return found * batch["completion_mask"]


@pytest.mark.parametrize("kind", SMALL)
def test_rollouts_are_scored_with_their_own_pictures_however_the_batch_is_divided(
    kind: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    trainer = trainer_of(folder_of(kind), tmp_path, "lora", False)
    trainer._shared_prefix = False
    trainer.model.train()
    batch = trainer._generate_and_score_completions(
        [{"row": row, "place": row} for row in (0, 1, 2, 3) for _ in range(4)]
    )
    base = load_vlm(settings_of(folder_of(kind)))
    expected = torch.zeros(batch["completion_ids"].shape)
    for row, (answer, said) in enumerate(zip(batch["completion_ids"], batch["completion_mask"].bool(), strict=True)):
        inputs, tokens = dict(base.inputs([PROMPTS[row // 4]])), answer[said]
        inputs["input_ids"] = torch.cat([inputs["input_ids"], tokens[None]], 1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        for name in ("token_type_ids", "mm_token_type_ids"):
            if name in inputs:
                inputs[name] = torch.cat([inputs[name], torch.zeros_like(tokens)[None]], 1)
        with torch.no_grad():
            logits = base.model(**inputs).logits[0, -len(tokens) - 1 : -1]
        expected[row, : len(tokens)] = logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0]
    for size in (16, 4, 3, 1):
        torch.testing.assert_close(scored(trainer, batch, size), expected, atol=1e-4, rtol=1e-4)
    for number, part in enumerate(divided(trainer, batch)):
        torch.testing.assert_close(scored(trainer, part, 4), expected[4 * number :][:4], atol=1e-4, rtol=1e-4)


def divided(trainer: ViperTrainer, batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Four micro-batches, as TRL makes them."""
    from trl.trainer.utils import split_pixel_values_by_grid, split_tensor_dict, unsplit_pixel_values_by_grid

    return [unsplit_pixel_values_by_grid(part) for part in split_tensor_dict(split_pixel_values_by_grid(batch), 4)]


@pytest.mark.parametrize("kind", SMALL)
def test_shared_prefixes_are_for_the_families_that_they_are_proven_for_and_the_log_tells(
    kind: str, folder_of: FolderOf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "viper"):
        trainer = trainer_of(folder_of(kind), tmp_path, "lora", False)
    proven = kind.startswith("qwen")
    assert trainer._shared_prefix == proven
    way = "the prompt of a group is computed once" if proven else "every rollout computes its prompt (TRL's own way)"
    assert caplog.messages == [f"csr, {find_family(kind).name}: {way}"]


LAST_LAYER = r".*language_model\.layers\.{last}\..*(q_proj|v_proj|up_proj)"


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
@pytest.mark.parametrize(
    ("method", "tower"), [("full", False), ("full", True), ("lora", False)], ids=["all weights", "tower", "last layer"]
)
def test_shared_prefixes_give_the_loss_and_gradients_of_trls_own_code(
    kind: str, method: str, tower: bool, folder_of: FolderOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = load_vlm(settings_of(folder_of(kind))).model.config.text_config.num_hidden_layers
    monkeypatch.setattr(find_family(kind), "adapters", LAST_LAYER.replace("{last}", str(layers - 1)))
    trainer = trainer_of(folder_of(kind), tmp_path, method, tower)
    compute = trainer._compute_loss

    def trls_own(model: Any, batch: dict[str, Any]) -> Any:
        if trainer._shared_prefix:
            return compute(model, batch)
        for name in ("_compute_loss", "_get_per_token_logps_and_entropies"):
            monkeypatch.setattr(ViperTrainer, name, getattr(GRPOTrainer, name), raising=False)
        return GRPOTrainer._compute_loss(trainer, model, batch)

    trainer._compute_loss = trls_own  # type: ignore[method-assign]
    # The middle group has equal rewards, so shared prefixes leave it out.
    advantages = [1.0, -0.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, -1.2, 0.7, 0.5, 0.0]
    found = losses_both_ways(trainer, [row for row in (0, 1, 2) for _ in range(4)], advantages)
    trunk = trainer._sampled.trunk
    assert (trunk.depth if trunk else 0) == (layers - 1 if method == "lora" else 0)
    assert found[True][0] == pytest.approx(found[False][0], abs=1e-6)
    assert found[True][1].keys() == found[False][1].keys()
    assert any(in_vision(trainer.family, name) for name in found[False][1]) == tower
    ours, theirs = (torch.cat([one.flatten() for one in found[shared][1].values()]) for shared in (True, False))
    assert theirs.norm() > 0
    assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


@pytest.mark.parametrize("kind", ["qwen2_5_vl", "internvl", "gemma3"])
def test_rollouts_are_read_a_micro_batch_at_a_time(
    kind: str, folder_of: FolderOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(folder_of(kind), tmp_path, "lora", False, micro_batch=2)
    trainer.model.train()
    rows_of_reads, decoder = [], trainer.model.get_base_model().model
    forward = type(decoder).forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        ids = kwargs.get("input_ids") if kwargs.get("input_ids") is not None else kwargs["inputs_embeds"]
        if ids.shape[1] > 1:
            rows_of_reads.append(len(ids))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(decoder), "forward", counted)
    trainer._generate_and_score_completions([{"row": row, "place": row} for row in (0, 1, 2) for _ in range(4)])
    # Three prompts, two at a time, where a group's is read once; else twelve rollouts, two at a time.
    assert rows_of_reads == ([2, 1] if kind == "qwen2_5_vl" else [2] * 6)
