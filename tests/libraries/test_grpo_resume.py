"""What a training leaves: the language model alone is moved, and a resumed one ends in the same bits."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.adapters import put_on
from models.grpo_reports import Reports
from models.trainable import save_trained
from models.vlm import load_vlm
from tests.grpo import Rows, random_model, three_rows, trainer_of, weights
from viper.settings import VlmSettings

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


@pytest.mark.parametrize("method", ["lora", "full"])
def test_training_moves_the_language_model_alone_and_leaves_what_learned(
    model: VlmSettings, rows: Rows, tmp_path: Path, method: str
) -> None:
    trainer = trainer_of(model, rows, tmp_path / "work", steps=2, method=method)
    trainer.train()
    made = tmp_path / "made"
    made.mkdir()
    save_trained(trainer, "", "", made)
    before = weights(load_vlm(model).model)
    if method == "lora":
        assert {path.name for path in made.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
        after = weights(put_on(load_vlm(model).model, str(made)).merge_and_unload())
    else:
        after = weights(load_vlm(model.model_copy(update={"path": str(made)})).model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("language_model" in name or name == "lm_head.weight" for name in moved)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_resumed_training_ends_in_the_same_bits(model: VlmSettings, rows: Rows, tmp_path: Path, method: str) -> None:
    whole = trainer_of(model, rows, tmp_path / "whole", method=method)
    whole.train()
    first = trainer_of(model, rows, tmp_path / "parts", [Stop()], method=method)
    first.train()
    assert first.state.global_step == 2
    second = trainer_of(model, rows, tmp_path / "parts", method=method)
    second.train(resume_from_checkpoint=str(tmp_path / "parts" / "checkpoint-2"))
    assert second.state.global_step == 4
    expected, found = weights(whole.model), weights(second.model)
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    states = [(tmp_path / name / "checkpoint-4" / "trainer_state.json").read_bytes() for name in ("whole", "parts")]
    assert states[0] == states[1]


class Stop(Reports):
    """Ends the training after its first checkpoint."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None, lambda *_: None)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = True
