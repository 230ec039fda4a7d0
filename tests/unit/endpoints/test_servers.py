"""Servers give the replies that the process itself gives, also where some of them fail; adapters come and go."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from models.adapters import save_adapter
from models.endpoints import adapters, servers
from models.endpoints.checks import check_endpoints
from models.endpoints.writer import EndpointVlm
from models.prompt_reader import Prompt
from models.vlm import Vlm, load_vlm
from models.writers import load_writer
from tests.golden.six import pictures
from tests.openai_server import Fault, SmallServer, serving
from viper.endpoints import adapters_folder
from viper.errors import AddressError, EndpointAway, ModelError, ViperError
from viper.profiles import load_profile
from viper.settings import EndpointServing, Settings, VlmSettings

# peft asks transformers for a name that the latter is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")

PROFILE = load_profile("shapes")
BASE = PROFILE.models.vlm
TOKENS = 24


def served(**changes: object) -> VlmSettings:
    serving = EndpointServing(engine="endpoint", **{"requests_in_flight": 2, "timeout_s": 60, **changes})
    return BASE.model_copy(update={"serving": serving})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in (servers, adapters):
        monkeypatch.setattr(module, "REST_S", (0.05,) * servers.TRIES)
    monkeypatch.setenv("VIPER_ADAPTERS", str(tmp_path / "adapters"))


@pytest.fixture(scope="module")
def own() -> Vlm:
    torch.set_num_threads(1)
    return load_vlm(BASE)


@pytest.fixture(scope="module")
def prompts() -> list[Prompt]:
    shown = [Prompt("caption: nothing. what must be corrected?", (one,)) for one in list(pictures().values())[:3]]
    images = tuple(pictures().values())
    return [*shown, Prompt("what was changed from the first picture to the second?", images[:2]), Prompt("describe.")]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Starts servers and names them in the environment."""
    with ExitStack() as stack:

        def begin(*several: SmallServer, more: str = "") -> None:
            running = [stack.enter_context(serving(one)) for one in several]
            monkeypatch.setenv("VIPER_VLM_ENDPOINTS", ", ".join([*(one.address for one in running), more]))

        yield begin


def greedy(vlm: object, prompts: list[Prompt]) -> list[str]:
    found: list[str] = vlm.generate(prompts, max_new_tokens=TOKENS, batch=4)  # type: ignore[attr-defined]
    return found


def test_two_servers_give_the_replies_of_the_process_and_are_never_given_more_than_is_allowed(own, prompts, start):
    two = SmallServer(BASE), SmallServer(BASE)
    start(*two)
    writer = load_writer(served(), "")
    many = prompts * 4
    assert greedy(writer, many) == greedy(own, prompts) * 4
    prepared = writer.prepare(prompts, batch=4)
    assert writer.answer(prepared, max_new_tokens=TOKENS) == greedy(own, prompts)
    assert prepared.image_tokens == 9 * sum(len(one.images) for one in prompts)
    assert all(one.most_busy <= 2 for one in two)
    assert all(one.asked.count("/v1/chat/completions") >= 8 for one in two)
    usage = writer.servers.usage
    assert (usage.requests, usage.retries) == (5 * len(prompts), 0)
    assert usage.prompt_tokens == 5 * sum(len(one.ids) for one in prepared.asked)
    writer.close()


def test_each_prompt_draws_from_its_own_seed(prompts, start):
    server = SmallServer(BASE)
    start(server)
    writer = load_writer(served())
    drawn = [
        writer.generate(prompts[:3], max_new_tokens=8, batch=4, temperature=1.0, seeds=[5, 2**40 + 6, 5]) for _ in "ab"
    ]
    assert drawn[0] == drawn[1]
    seeds = [body["seed"] for body in server.bodies if "seed" in body]
    assert sorted(seeds) == sorted([5, (2**40 + 6) % 2**31, 5] * 2)
    with pytest.raises(ValueError, match="needs as many seeds, found 1"):
        writer.generate(prompts[:3], max_new_tokens=8, batch=4, temperature=1.0, seeds=[5])
    writer.close()


def failing(status: int, times: int) -> Fault:
    def fault(server: SmallServer, path: str) -> int:
        return status if path == "/v1/chat/completions" and server.asked.count(path) <= times else 0

    return fault


@pytest.mark.parametrize("status", [503, 429, 500, -1])
def test_an_answer_that_fails_is_asked_again(status, own, prompts, start):
    start(SmallServer(BASE, fault=failing(status, 3)))
    writer = load_writer(served(requests_in_flight=1))
    assert greedy(writer, prompts) == greedy(own, prompts)
    assert (writer.servers.usage.requests, writer.servers.usage.retries) == (len(prompts) + 3, 3)
    writer.close()


def test_a_server_that_goes_away_costs_no_reply(own, prompts, start):
    away, there = SmallServer(BASE, fault=lambda _, path: -1 if "chat" in path else 0), SmallServer(BASE)
    start(away, there)
    writer = load_writer(served())
    assert greedy(writer, prompts * 3) == greedy(own, prompts) * 3
    assert there.asked.count("/v1/chat/completions") == 3 * len(prompts)
    writer.close()


def test_servers_that_all_are_away_end_the_step_with_an_error_that_is_worth_a_retry(prompts, start):
    start(SmallServer(BASE, fault=failing(503, 999)))
    writer = load_writer(served())
    with pytest.raises(EndpointAway, match=r"answers 503.*The last of 6 tries at 1 servers"):
        greedy(writer, prompts)
    writer.close()


def test_what_looks_like_a_special_token_stays_text(prompts, start):
    server = SmallServer(BASE)
    start(server)
    writer = load_writer(served())
    writer.generate([Prompt("what is <|image_pad|> here?", prompts[0].images)], max_new_tokens=4, batch=1)
    (text,) = (part["text"] for part in server.bodies[-1]["messages"][0]["content"] if part["type"] == "text")
    assert text == "what is < |image_pad|> here?"
    writer.close()


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes replies."""
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(0)
    form = LoraConfig(r=8, lora_alpha=16, target_modules=r".*language_model.*\.q_proj", init_lora_weights=False)
    save_adapter(get_peft_model(load_vlm(BASE).model, form), "", "", folder)
    return folder


def test_an_adapter_is_in_every_server_while_it_is_used_and_comes_back_after_a_restart(own, prompts, start, adapter):
    two = SmallServer(BASE), SmallServer(BASE)
    start(*two)
    writer = load_writer(served(), str(adapter))
    expected = greedy(load_vlm(BASE, str(adapter)), prompts)
    assert greedy(writer, prompts) == expected != greedy(own, prompts)
    assert [name.startswith("viper-") for one in two for name in one.models] == [False, True] * 2
    for one in two:
        del one.models[writer.adapter.name]
    assert greedy(writer, prompts) == expected
    (copy,) = adapters_folder().iterdir()
    assert sorted(path.name for path in copy.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    writer.close()
    assert [list(one.models) for one in two] == [[BASE.path]] * 2
    assert not list(adapters_folder().iterdir())


def asks(settings: VlmSettings, profile: Settings = PROFILE) -> None:
    check_endpoints(settings, "describe the image.", profile.training)


def test_servers_that_have_the_model_and_take_adapters_are_taken(start):
    two = SmallServer(BASE), SmallServer(BASE, name=BASE.path)
    start(*two)
    asks(served())
    assert all(list(one.models) == [BASE.path] for one in two)


def refused(settings: VlmSettings, error: type[ViperError], said: str) -> None:
    with pytest.raises(error, match=said) as found:
        asks(settings)
    assert "\n" not in str(found.value)


def test_addresses_that_cannot_work_are_refused_before_any_work(start):
    for address, error, said in (
        ("http://127.0.0.1:1", EndpointAway, r":1 does not answer .* or correct VIPER_VLM_ENDPOINTS"),
        ("http://", AddressError, "names no host"),
        ("http://a:b@c", AddressError, "with a login. Put the key into VIPER_VLM_ENDPOINT_KEY"),
        ("", AddressError, "VIPER_VLM_ENDPOINTS is empty"),
    ):
        start(more=address)
        refused(served(), error, said)


def test_servers_that_cannot_work_are_refused_before_any_work(start, monkeypatch):
    start(SmallServer(BASE, name="other"))
    refused(served(served_name="mine"), ModelError, "serves 'other', but models.vlm is 'mine'")
    start(SmallServer(BASE, fault=lambda _, path: 404 if "lora" in path else 0))
    refused(served(), ModelError, "--enable-lora.*VLLM_ALLOW_RUNTIME_LORA_UPDATING=1")
    start(SmallServer(BASE.model_copy(update={"min_pixels": 9216, "max_pixels": 9216})))
    refused(served(), ModelError, "another tokenizer, chat template or pixel limits")
    start(SmallServer(BASE, key="k"))
    refused(served(), AddressError, r"refuses the key \(401\)")
    monkeypatch.setenv("VIPER_VLM_ENDPOINT_KEY", "k")
    start(SmallServer(BASE, key="k"))
    asks(served())


def test_servers_of_different_models_are_refused(start):
    start(SmallServer(BASE), SmallServer(BASE, name="other"))
    with pytest.raises(ModelError, match=r"The servers of models\.vlm differ: 'other' .*shapes:vlm"):
        EndpointVlm(served(), served().serving)
