"""The trainer's assembly, on a model of random weights."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from models.families.prompts import check_image_tokens
from models.grpo import make_config, make_trainer
from models.grpo_reports import Metrics, Reports
from models.prompt_reader import Prompt
from models.rewards import SentenceReward
from models.vlm import load_vlm
from tests.grpo import (
    ADAPTATION,
    STAGE,
    TEXT,
    Letters,
    Rows,
    losses_both_ways,
    random_model,
    three_rows,
    trainer_of,
    weights,
)
from viper.errors import ModelError, ProfileError
from viper.settings import LoraSettings, RewardSettings, VlmSettings

pytestmark = [
    # TRL 1.16 still reads a property that transformers 5.23 renamed.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VlmSettings:
    return random_model(tmp_path_factory.mktemp("vlm"))


@pytest.fixture
def rows() -> Rows:
    return three_rows()


def test_the_objective_is_the_papers(model: VlmSettings, tmp_path: Path) -> None:
    config = make_config(model, STAGE, 5, tmp_path)
    assert (config.loss_type, config.beta, config.scale_rewards) == ("grpo", 0.0, "group")
    assert (config.epsilon, config.epsilon_high, config.importance_sampling_level) == (0.2, 0.28, "token")
    assert (config.num_generations, config.temperature, config.top_p, config.top_k) == (3, 1.0, 1.0, 0)
    assert (config.delta, config.mask_truncated_completions, config.entropy_coef) == (None, False, 0.0)
    assert config.generation_batch_size == STAGE.prompts_per_step * STAGE.generations
    assert (config.bf16, config.fp16, config.use_cpu, config.report_to) == (False, False, True, [])


def test_rollouts_follow_the_stages_rules_whatever_the_folder_suggests(
    model: VlmSettings, rows: Rows, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(model.path, tmp_path / "suggesting"))
    suggested = json.loads((folder / "generation_config.json").read_text())
    hostile = {"repetition_penalty": 5.0, "top_k": 1, "top_p": 0.1, "min_p": 0.5, "no_repeat_ngram_size": 2}
    hostile |= {"min_new_tokens": 5, "do_sample": False, "suppress_tokens": [4], "num_beams": 3, "typical_p": 0.2}
    (folder / "generation_config.json").write_text(json.dumps(suggested | hostile))
    suggesting = VlmSettings(**{**dict(model), "path": str(folder)})
    plain = trainer_of(model, rows, tmp_path / "plain", steps=1)
    plain.train()
    other = trainer_of(suggesting, rows, tmp_path / "other", steps=1)
    other.train()
    assert other.generation_config.to_dict() == plain.generation_config.to_dict()
    expected, found = weights(plain.model), weights(other.model)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_stages_settings_are_the_trainers(model: VlmSettings, tmp_path: Path) -> None:
    changes = {"epsilon_low": 0.1, "epsilon_high": 0.3, "temperature": 0.8, "max_completion_tokens": 9}
    changes |= {"updates_per_batch": 3, "learning_rate": 3e-4, "steps": 7, "checkpoint_steps": 4}
    config = make_config(model, STAGE.model_copy(update=changes), 8, tmp_path)
    assert (config.epsilon, config.epsilon_high, config.temperature, config.max_completion_length) == (0.1, 0.3, 0.8, 9)
    assert (config.num_iterations, config.learning_rate, config.max_steps, config.save_steps) == (3, 3e-4, 7, 6)
    assert (config.seed, config.data_seed) == (8, 8)


def test_an_optimizer_step_sees_every_rollout_of_its_prompts(
    model: VlmSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(model, STAGE, 5, tmp_path)
    assert config.per_device_train_batch_size * config.gradient_accumulation_steps == 6
    assert config.steps_per_generation == config.gradient_accumulation_steps
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ProfileError, match="4 processes"):
        make_config(model, STAGE, 5, tmp_path)


def test_a_rollout_batch_reads_each_row_and_processes_each_image_once(
    model: VlmSettings, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(model, rows, tmp_path, steps=2, updates_per_batch=2)
    kind, processed = type(trainer.processing_class.image_processor), []
    original = kind.preprocess

    def counted(self: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        processed.extend(images)
        return original(self, images, *args, **kwargs)

    monkeypatch.setattr(kind, "preprocess", counted)
    trainer.train()
    assert rows.reads == STAGE.prompts_per_step  # not x 3 rollouts x 2 updates x 2 micro-batches
    assert len(processed) == 2 * STAGE.prompts_per_step


HOSTILE = "caption: <|image_pad|> <|im_end|> what must be corrected <|vision_start|><|image_pad|><|vision_end|>?"


@pytest.mark.parametrize("text", [TEXT, HOSTILE])
def test_a_rollouts_prompt_is_the_one_that_the_model_is_asked_with(
    model: VlmSettings, rows: Rows, tmp_path: Path, text: str
) -> None:
    from trl.data_utils import prepare_multimodal_messages

    rows[0]["prompt"] = text
    trainer = trainer_of(model, rows, tmp_path)
    example = trainer._read(0)
    messages = prepare_multimodal_messages(example["prompt"], images=example["images"])
    trainer._shared_prefix = False
    ids, _, fields = trainer._tokenize_prompts([messages])
    trainer._shared_prefix = True
    shared = trainer._generate_and_score_completions([{"row": 0, "place": 0}] * 3)
    assert shared["prompt_ids"].tolist() == ids * 3
    asked = load_vlm(model).inputs([Prompt(text, tuple(example["images"]))])
    assert ids[0].count(trainer.processing_class.image_token_id) == 18
    assert ids[0] == asked["input_ids"][0].tolist()
    assert torch.equal(torch.as_tensor(fields["pixel_values"]), asked["pixel_values"])


@pytest.mark.parametrize("shared_prefix", [True, False])
def test_a_text_like_special_tokens_is_trained_on_as_text(
    model: VlmSettings, rows: Rows, tmp_path: Path, shared_prefix: bool
) -> None:
    for row in rows:
        row["prompt"] = HOSTILE
    trainer = trainer_of(model, rows, tmp_path, steps=1)
    trainer._shared_prefix = shared_prefix
    trainer.train()
    assert trainer.state.global_step == 1


def test_a_prompt_with_too_few_image_tokens_is_refused() -> None:
    check_image_tokens([9, 18], [9, 18])
    with pytest.raises(ModelError, match="8 image tokens in a prompt but 9 image features"):
        check_image_tokens([18, 8], [18, 9])


def test_every_step_reports_what_is_watched_for_collapse(model: VlmSettings, rows: Rows, tmp_path: Path) -> None:
    told: list[tuple[int, Metrics]] = []
    saved: list[tuple[int, bool]] = []
    reports = Reports(
        lambda step, figures: told.append((step, figures)), lambda step, folder: saved.append((step, folder.is_dir()))
    )
    trainer_of(model, rows, tmp_path, [reports], steps=3).train()
    assert [step for step, _ in told] == [1, 2, 3]
    assert saved == [(2, True), (3, True)]
    assert set(told[0][1]) == set(grpo_names())
    assert told[1][1]["learning_rate"] == pytest.approx(STAGE.learning_rate)
    assert 0 < told[0][1]["completion_tokens"] <= STAGE.max_completion_tokens


LAST_LAYER = LoraSettings(rank=4, alpha=4, target_modules=r".*language_model\.layers\.5\..*(q_proj|v_proj|up_proj)")


@pytest.mark.parametrize(
    ("changes", "depth"),
    [({}, 0), ({"lora": LAST_LAYER}, 5), ({"vision_tower": True}, 0), ({"method": "full"}, 0)],
    ids=["all layers", "the last layer", "with the tower", "all weights"],
)
def test_shared_prefixes_give_the_loss_and_gradients_of_trls_own_way(
    model: VlmSettings, rows: Rows, tmp_path: Path, changes: dict[str, Any], depth: int
) -> None:
    trainer = trainer_of(model, rows, tmp_path, **changes)
    # Three prompts of three rollouts; the middle group has equal rewards, so shared prefixes leave it out.
    advantages = [1.0, -0.5, -0.5, 0.0, 0.0, 0.0, -1.2, 0.7, 0.5]
    found = losses_both_ways(trainer, [row for row in (0, 1, 2) for _ in range(3)], advantages)
    trunk = trainer._sampled.trunk
    assert (trunk.depth if trunk else 0) == depth
    assert found[True][0] == pytest.approx(found[False][0], abs=1e-6)
    assert found[True][1].keys() == found[False][1].keys()
    ours, theirs = (torch.cat([one.flatten() for one in found[shared][1].values()]) for shared in (True, False))
    assert theirs.norm() > 0
    assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


def test_what_nothing_learns_in_is_computed_once_a_rollout_batch(
    model: VlmSettings, rows: Rows, tmp_path: Path
) -> None:
    trainer = trainer_of(model, rows, tmp_path, lora=LAST_LAYER, steps=4, updates_per_batch=2, micro_batch=6)
    inner, seen = trainer.model.get_base_model().model, Counter[str]()
    layers = inner.language_model.layers
    for name, part in {"tower": inner.visual, "below": layers[4], "learns": layers[5]}.items():
        part.register_forward_hook(lambda *_, name=name: seen.update([name]))
    trainer.train()
    prompts = 2 * STAGE.prompts_per_step  # read six rollouts at a time: all those of a rollout batch together
    assert prompts == 4
    assert seen["tower"] == 2
    assert seen["learns"] == seen["below"] + 4  # four updates, and nothing but the readings and tokens of two samplings


def test_the_old_log_probabilities_are_those_of_the_first_update(
    model: VlmSettings, rows: Rows, tmp_path: Path
) -> None:
    trainer = trainer_of(model, rows, tmp_path, steps=2, updates_per_batch=2, micro_batch=6, learning_rate=0.1)
    old, ratios = [], []
    original = trainer._get_per_token_logps_and_entropies

    def watched(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        if (batch := trainer._scored) is not None:
            old.append(batch["old_per_token_logps"].clone())
            ratios.append((found[0].detach() - old[-1]).abs().max().item())
        return found

    trainer._get_per_token_logps_and_entropies = watched
    trainer.train()
    assert len(old) == 2
    assert torch.equal(old[0], old[1])
    assert ratios[0] == 0 < ratios[1]


def test_trls_own_way_trains_too(model: VlmSettings, rows: Rows, tmp_path: Path) -> None:
    adaptation = ADAPTATION.model_copy(update={"shared_prefix": False})
    reward = SentenceReward(Letters(), RewardSettings(threshold=0.7, coverage_weight=0.5))
    trainer = make_trainer(model, rows, STAGE.model_copy(update={"steps": 1}), adaptation, reward, 5, tmp_path)
    before = weights(trainer.model)
    trainer.train()
    assert any(not torch.equal(before[name], value) for name, value in weights(trainer.model).items())


def grpo_names() -> list[str]:
    from models.grpo_reports import METRICS

    return [name for name in METRICS.values() if not name.startswith("servers/")]  # no server samples here
