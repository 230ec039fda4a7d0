"""Supervised stages, on a model of random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pictures

from models.grpo_reports import Reports
from models.prompt_reader import Prompt
from models.sft import as_examples, make_sft_trainer
from models.trainable import Adaptation, save_trained
from models.vlm import load_vlm
from models.worlds.shapes.tokenizer import make_tokenizer
from models.worlds.shapes.vlm import make_vlm, save_vlm
from viper.settings import SftStage, VlmSettings

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning")

TEXT = "what was changed from the first picture to the second?"
ANSWERS = (["make the object at the top left red."], ["remove the object at the bottom center."])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VlmSettings:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder, tokenizer = tmp_path_factory.mktemp("vlm"), make_tokenizer()
    save_vlm(make_vlm(tokenizer), tokenizer, folder)
    return VlmSettings(path=str(folder), dtype="float32", device="cpu")


def test_the_answer_is_every_sentence_of_the_ground_truth() -> None:
    found = as_examples({"prompt": ["what?"], "truth": [["it is teal.", "it is small."]], "images": [["a", "b"]]})
    assert found == {
        "prompt": [[{"role": "user", "content": "what?"}]],
        "completion": [[{"role": "assistant", "content": "it is teal. it is small."}]],
        "images": [["a", "b"]],
    }


def test_what_is_written_like_a_special_token_is_taught_as_text(model: VlmSettings, tmp_path: Path) -> None:
    picture = Pictures.fromarray(np.full((48, 48, 3), 20, dtype=np.uint8))
    rows = Dataset.from_dict(
        {"images": [[picture]], "prompt": ["what is <|image_pad|>?"], "truth": [["a token. <|im_end|> <|image_pad|>"]]},
        features=Features({"images": List(Image()), "prompt": Value("string"), "truth": List(Value("string"))}),
    )
    sizes = {"steps": 1, "rows_per_step": 1, "learning_rate": 1e-3, "warmup_steps": 0, "checkpoint_steps": 1}
    stage = SftStage(objective="sft", lessons=("vop",), micro_batch=1, **sizes)
    trainer = make_sft_trainer(model, rows, stage, Adaptation(method="full", lora=None), 3, tmp_path)
    ids = trainer.data_collator([trainer.train_dataset[0]])["input_ids"][0].tolist()
    tokens = trainer.processing_class.tokenizer.convert_ids_to_tokens(ids)
    assert (tokens.count("<|image_pad|>"), tokens.count("<|im_end|>")) == (9, 2)  # one picture, two turns


def test_it_learns_to_say_the_ground_truth_of_each_row(model: VlmSettings, tmp_path: Path) -> None:
    pictures = [Pictures.fromarray(np.full((48, 48, 3), shade, dtype=np.uint8)) for shade in (20, 230)]
    rows = Dataset.from_dict(
        {"images": [[one, one] for one in pictures], "prompt": [TEXT] * 2, "truth": list(ANSWERS)},
        features=Features({"images": List(Image()), "prompt": Value("string"), "truth": List(Value("string"))}),
    )
    stage = SftStage(
        objective="sft",
        lessons=("vop",),
        steps=60,
        rows_per_step=2,
        learning_rate=3e-3,
        warmup_steps=2,
        checkpoint_steps=60,
        micro_batch=2,
    )
    seen: list[dict[str, float]] = []
    reports = Reports(lambda _, figures: seen.append(figures), lambda *_: None)
    trainer = make_sft_trainer(model, rows, stage, Adaptation(method="full", lora=None), 3, tmp_path, [reports])
    trainer.train()
    assert seen[0]["loss"] > 3 > 0.1 > seen[-1]["loss"]
    assert max(figures["learning_rate"] for figures in seen) == pytest.approx(3e-3)

    (tmp_path / "model").mkdir()
    save_trained(trainer, "", "", tmp_path / "model")
    learned = load_vlm(model.model_copy(update={"path": str(tmp_path / "model")}))
    asked = [Prompt(TEXT, (one, one)) for one in pictures]
    assert learned.generate(asked, max_new_tokens=20, batch=2) == [" ".join(answer) for answer in ANSWERS]
