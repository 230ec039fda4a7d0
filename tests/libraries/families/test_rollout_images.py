"""Processing the pictures of rollouts once gives the inputs that the untouched processor gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.image_utils import make_flat_list_of_images

from models.families.prompts import read_prompts
from models.prompt_reader import Prompt
from models.rollout_images import processed_once
from models.vlm import load_processing
from tests.libraries.families.test_training import trainer_of
from tests.small_vlms import SMALL, picture, settings_of

# TRL 1.16 still reads a property that transformers 5.23 renamed.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning")
FolderOf = Callable[[str], Path]
every = pytest.mark.parametrize("kind", SMALL)


def counted(image_processor: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by the pictures that the class of a processor computes."""
    seen: list[Any] = []
    original = type(image_processor).preprocess

    def preprocess(self: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        seen.extend(make_flat_list_of_images(images))
        return original(self, images, *args, **kwargs)

    monkeypatch.setattr(type(image_processor), "preprocess", preprocess)
    return seen


@every
@pytest.mark.parametrize("alone", [True, False])
def test_processing_once_gives_what_the_untouched_processor_gives(
    kind: str, alone: bool, folder_of: FolderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    family, processor, config = load_processing(settings_of(folder_of(kind)))
    a, b, c = picture(32, 32), picture(64, 40), picture(100, 40)
    shown = [(a,), (c,), (a.copy(),), (b,)] if alone else [(a, b), (c,), (a.copy(), b), (b, a), (b,), (c.copy(),)]
    texts = [processor.apply_chat_template(Prompt("what?", one).messages()) for one in shown]
    plain = read_prompts(family, processor, config, texts, shown)
    seen = counted(processor.image_processor, monkeypatch)
    with processed_once(processor.image_processor, family.nested):
        for _ in range(2):
            once = read_prompts(family, processor, config, texts, shown)
            assert set(once) == set(plain)
            assert all(torch.equal(once[name], plain[name]) for name in plain)
    # By pictures, or by lists of them: (a, b), (c), (b, a), (b).
    assert len(seen) == (3 if alone or not family.nested else 6)
    assert "preprocess" not in vars(processor.image_processor)


@every
def test_prompts_without_pictures_among_others_are_left_to_the_processor(kind: str, folder_of: FolderOf) -> None:
    family, processor, config = load_processing(settings_of(folder_of(kind)))
    shown = [(picture(32, 32),), (), (picture(64, 40),)]
    texts = [processor.apply_chat_template(Prompt("what?", one).messages()) for one in shown]
    plain = read_prompts(family, processor, config, texts, shown)
    with processed_once(processor.image_processor, family.nested):
        once = read_prompts(family, processor, config, texts, shown)
    assert all(torch.equal(once[name], plain[name]) for name in plain)


@every
def test_a_rollout_batch_processes_each_picture_once(
    kind: str, folder_of: FolderOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(folder_of(kind), tmp_path, "lora", False)
    seen = counted(trainer.processing_class.image_processor, monkeypatch)
    # Rows with one, two and one picture, four rollouts of each; TRL alone asks for 16 pictures twice or three times.
    trainer._generate_and_score_completions([{"row": row, "place": row} for row in (0, 1, 2) for _ in range(4)])
    assert len(seen) == 4
