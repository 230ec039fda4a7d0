"""Every engine on the device that there is, in the format of its profiles: bfloat16 on a GPU."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.judges import find_judge
from models.prompt_reader import Prompt
from models.similarity import load_similarity
from models.vlm import Vlm, load_vlm
from tests.gpu.device import DEVICE, DTYPE, ON_GPU
from tests.gpu.layers import save_random
from tests.libraries.pipelines.players import EDITORS, PAINTERS, SIDE, distance, noise, settings_for
from viper.settings import ModelSettings, VlmSettings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # SDXL's scheduler
]
# On the CPU, tests/libraries/pipelines has them all.
SOME = {"QwenImagePipeline", "FluxKontextPipeline"}
TEXT = "describe the image."


@dataclass(frozen=True)
class Folder:
    path: str

    def vlm(self, attention: str, dtype: str = DTYPE) -> Vlm:
        return load_vlm(
            VlmSettings.model_validate({"path": self.path, "dtype": dtype, "device": DEVICE, "attention": attention})
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("vlm")
    save_random("7b" if ON_GPU else "tiny", path, DEVICE, layers=2)
    return Folder(str(path))


def logits(vlm: Vlm, prompts: list[Prompt]) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = vlm.model(**vlm.inputs(prompts)).logits[:, -1].float().cpu()
    return found


def asked(pictures: int = 1, words: str = TEXT) -> Prompt:
    return Prompt(words, tuple(noise(112, 112, seed) for seed in range(pictures)))


def test_attention_by_the_flash_kernel_is_attention_by_the_definition(folder: Folder) -> None:
    """A single prompt has no padding and no mask, so the kernel may be used; the context refuses all others."""
    expected = logits(folder.vlm("eager", "float32"), [asked()])
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        found = logits(folder.vlm("sdpa"), [asked()])
    assert (found - expected).abs().max() < (0.05 if ON_GPU else 1e-4) * expected.abs().max()


@pytest.mark.skipif(not ON_GPU, reason="the package flash-attn needs a GPU")
def test_the_package_flash_attn_is_attention_by_the_definition(folder: Folder) -> None:
    pytest.importorskip("flash_attn")
    prompts = [asked(), asked(2, f"{TEXT} {TEXT}")]
    expected = logits(folder.vlm("eager", "float32"), prompts)
    found = logits(folder.vlm("flash_attention_2"), prompts)
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()


def test_replies_of_a_batch_are_those_of_one_prompt_after_the_other(folder: Folder) -> None:
    vlm, prompts = folder.vlm("sdpa", "float32"), [asked(), asked(2, f"{TEXT} {TEXT}"), asked()]
    together = vlm.generate(prompts, max_new_tokens=8, batch=3)
    assert together == vlm.generate(prompts, max_new_tokens=8, batch=1)
    assert together[0] == together[2]


@pytest.mark.parametrize("name", [name for name in PAINTERS if ON_GPU or name in SOME])
def test_a_painter_paints_the_same_twice_and_another_picture_for_another_seed(name: str) -> None:
    from models.pipelines.painter import DiffusersPainter

    player = DiffusersPainter(settings_for(name, device=DEVICE, dtype=DTYPE))
    first, again, other = (player.paint(["a red cat.", "two boats."], [seed, 7]) for seed in (1, 1, 2))
    assert [one.tobytes() for one in first] == [one.tobytes() for one in again]
    assert distance(first[0], other[0]) > 1
    assert first[0].size == (SIDE, SIDE)


@pytest.mark.parametrize("name", [name for name in EDITORS if ON_GPU or name in SOME])
def test_an_editor_keeps_the_size_of_what_it_edits(name: str) -> None:
    from models.pipelines.editor import DiffusersEditor

    player = DiffusersEditor(settings_for(name, device=DEVICE, dtype=DTYPE))
    source = noise(64, 64)
    edited = player.edit([source, source], ["make the ring red.", "remove the disk."], [1, 2])
    assert [one.size for one in edited] == [source.size] * 2
    assert all(np.asarray(one).std() > 0 for one in edited)


def test_the_reward_and_the_judge_measure_on_the_device_as_on_the_cpu(tmp_path: Path) -> None:
    sentences = ["a red ring at the top left.", "a blue disk at the bottom.", "nothing to correct."]
    here, there = (
        load_similarity(ModelSettings(path="shapes:similarity", dtype="float32", device=device)).embed(sentences)
        for device in (DEVICE, "cpu")
    )
    assert np.allclose(here, there, atol=1e-3)
    pictures = [noise(64, 64, seed) for seed in range(3)]
    judge = find_judge("pixels")("", "main", DEVICE)
    assert [one.max() for one in judge.maps(pictures, pictures)] == [0.0] * 3
    assert min(one.max() for one in judge.maps(pictures, [*pictures[1:], pictures[0]])) > 0
