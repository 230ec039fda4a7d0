"""The real vLLM gives the replies of transformers, with and without adapters, and rollouts that teach.

Its environment is one of its own (`make vllm`): without it, these tests are skipped.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from models.adapters import save_adapter
from models.endpoints.checks import check_endpoints
from models.prompt_reader import Prompt
from models.served import Sampling
from models.vlm import Vlm, load_vlm
from models.worlds import find_world
from models.writers import load_writer
from tests.servers import Server
from tests.vllm_servers import ENVIRONMENT, vllm_python, vllm_server
from viper.asking import AwayError, ask
from viper.errors import ModelError, ViperError
from viper.profiles import load_profile, override
from viper.settings import EndpointServing, VllmServing

pytestmark = [
    pytest.mark.integration,
    pytest.mark.vllm,
    pytest.mark.timeout(1800),
    # peft asks transformers for a name that the latter is about to drop.
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning"),
]

PROFILE = load_profile("shapes")
BASE = PROFILE.models.vlm
SERVED = BASE.model_copy(update={"serving": EndpointServing(engine="endpoint", requests_in_flight=16)})
WORLD = find_world("shapes")
TOKENS = 60
PROMPTS, ADAPTED = 200, 60
MANY = 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("vllm")
    running = vllm_server(folder)
    try:
        running.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VIPER_VLM_ENDPOINTS", running.page.removesuffix("/v1/models"))
            patch.setenv("VIPER_ADAPTERS", str(folder / "adapters"))
            yield running
    finally:
        running.kill()


def picture(number: int) -> Image.Image:
    return Image.open(io.BytesIO(WORLD.draw_picture("shapes:", 0, number))).convert("RGB")


@pytest.fixture(scope="module")
def prompts() -> list[Prompt]:
    """Of all kinds: a caption of one picture, operations between two, a critique of two with a caption in it."""
    told, critique = WORLD.prompts, WORLD.prompts.critique.format(caption="the top left holds a small red circle.")
    kinds: list[Callable[[int], Prompt]] = [
        lambda number: Prompt(told.caption, (picture(number),)),
        lambda number: Prompt(told.predict, (picture(number), picture(number + 1))),
        lambda number: Prompt(critique, (picture(number), picture(number + 1))),
        # Larger than the model sees: it is reduced here.
        lambda number: Prompt(told.caption, (picture(number).resize((48 * (2 + number % 3),) * 2),)),
    ]
    return [kinds[number % 4](number) for number in range(PROMPTS)]


@pytest.fixture(scope="module")
def own() -> Vlm:
    return load_vlm(BASE)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes many replies, and ends most of them still."""
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(0)
    form = LoraConfig(r=8, lora_alpha=8, target_modules=r".*language_model.*\.(q_proj|up_proj)")
    adapted = get_peft_model(load_vlm(BASE).model, form)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=1.0)
    save_adapter(adapted, "", "", folder)
    return folder


def same(found: list[str], expected: list[str]) -> float:
    return sum(one == other for one, other in zip(found, expected, strict=True)) / len(expected)


def test_greedy_replies_are_those_of_transformers_with_and_without_an_adapter(
    server: Server, own: Vlm, prompts: list[Prompt], adapter: Path
) -> None:
    expected = own.generate(prompts, max_new_tokens=TOKENS, batch=16)
    base = load_writer(SERVED)
    found = base.generate(prompts, max_new_tokens=TOKENS, batch=16)
    print(f"base: {same(found, expected):.4f} of {len(expected)}")
    assert same(found, expected) >= 0.995
    base.close()

    adapted = load_vlm(BASE, str(adapter)).generate(prompts[:ADAPTED], max_new_tokens=TOKENS, batch=16)
    assert same(adapted, expected[:ADAPTED]) < 0.9
    writer = load_writer(SERVED, str(adapter))
    found = writer.generate(prompts[:ADAPTED], max_new_tokens=TOKENS, batch=16)
    writer.close()
    print(f"adapter: {same(found, adapted):.4f} of {len(adapted)}")
    assert same(found, adapted) >= 0.995


def test_what_the_server_does_not_take_is_refused_in_a_line(server: Server) -> None:
    profile = override(PROFILE, ["models.vlm.serving.engine=endpoint"])
    text = WORLD.prompts.caption
    check_endpoints(profile.models.vlm, text, profile.training)
    wrong: dict[str, tuple[type[ViperError], str]] = {
        "training.lora.rank=128": (ModelError, "LoRA rank 128 is greater than max_lora_rank 64.*--max-lora-rank"),
        "models.vlm.serving.served_name=other": (ModelError, "but models.vlm is 'other'"),
        "models.vlm.max_pixels=9216 models.vlm.min_pixels=9216": (ModelError, "pixel limits than models.vlm"),
    }
    for change, (error, said) in wrong.items():
        other = override(profile, change.split())
        with pytest.raises(error, match=said):
            check_endpoints(other.models.vlm, text, other.training)


def test_a_vllm_that_the_worker_starts_gives_the_replies_of_transformers_and_goes(
    own: Vlm, prompts: list[Prompt], adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIPER_VLLM_PYTHON", str(vllm_python()))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    some = prompts[:ADAPTED]
    serving = VllmServing(engine="vllm", compiled=False, context_tokens=512)
    writer = load_writer(BASE.model_copy(update={"serving": serving}), str(adapter))
    found = writer.generate(some, max_new_tokens=TOKENS, batch=16)
    expected = load_vlm(BASE, str(adapter)).generate(some, max_new_tokens=TOKENS, batch=16)
    print(f"own vLLM with adapter: {same(found, expected):.4f} of {len(some)}")
    assert same(found, expected) >= 0.98  # one of 60
    # More than it reads in one step, with draws of a seed.
    drawn = writer.reply(writer.asked(prompts[2]), Sampling(TOKENS, 1.0, 1), MANY)
    assert len({one.text for one in drawn}) > 1
    address = writer.servers.all[0].address
    writer.close()
    with pytest.raises(AwayError):
        ask(address, "", "")
