"""What a plan reads off the description of a model, against the model and its processor."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from models.families import find_family
from models.families.prompts import read_prompts
from models.families.weights import adapter_targets
from models.prompt_reader import Prompt
from models.sizes.language import lora_numbers, shape_of
from models.sizes.pictures import picture_tokens
from models.sizes.weights import on_meta
from models.vlm import Vlm, load_processor
from tests.small_vlms import SMALL, picture
from viper.settings import GrpoStage, LoraSettings, TrainingSettings

STAGE = GrpoStage(
    lessons=("csr",),
    steps=1,
    prompts_per_step=1,
    learning_rate=1e-4,
    max_completion_tokens=1,
    checkpoint_steps=1,
    micro_batch=5,
)


@pytest.mark.parametrize("kind", SMALL)
def test_a_size_costs_the_tokens_that_the_processor_writes(kind: str, folder_of: Callable[[str], Path]) -> None:
    folder = folder_of(kind)
    family, processor, config = find_family(kind), load_processor(str(folder)), on_meta(folder).config
    for size in ((32, 32), (64, 32), (20, 50), (100, 40), (200, 200)):
        prompt = Prompt("describe the image.", (picture(*size),))
        text = processor.apply_chat_template(prompt.messages(), add_generation_prompt=True)
        inputs = read_prompts(family, processor, config, [text], [prompt.images])
        written = int((inputs["input_ids"] == config.image_token_id).sum())
        assert picture_tokens(folder, 0, 0, size) == written, size


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning")
@pytest.mark.parametrize("kind", SMALL)
def test_a_cached_token_and_an_adapter_have_the_numbers_of_the_model(
    kind: str, folder_of: Callable[[str], Path], vlm_of: Callable[[str], Vlm]
) -> None:
    model, shape = vlm_of(kind).model, shape_of(folder_of(kind))
    assert shape.parameters == sum(weight.numel() for weight in model.parameters())
    with torch.no_grad():
        cache = model(input_ids=torch.full((1, 5), 7), use_cache=True).past_key_values
    kept = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)
    assert kept == 5 * shape.kv_numbers
    training = TrainingSettings(stages=(STAGE,), lora=LoraSettings(rank=2, alpha=2))
    targets = adapter_targets(model, find_family(kind), "", vision_tower=False)
    adapted = get_peft_model(deepcopy(model), LoraConfig(r=2, target_modules=targets))
    learning = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    assert lora_numbers(folder_of(kind), training) == learning
