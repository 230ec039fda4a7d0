"""Tokens of a picture by its size alone are those that the processor makes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.families import find_family
from models.families.prompts import read_prompts
from models.sizes.pictures import picture_tokens
from models.sizes.weights import on_meta
from models.vlm import Prompt, load_processor
from tests.small_vlms import SMALL, picture


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
