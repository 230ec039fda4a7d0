"""Servers sample the rollouts of a training: with its own weights, its own prompts, and weights of tokens by hand."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import log
from pathlib import Path

import pytest
import torch

from models.endpoints.rollouts import RolloutServers
from models.grpo_reports import Reports
from tests.grpo import STAGE, random_model, three_rows, trainer_of, weights
from tests.openai_server import SmallServer, serving
from viper.errors import ModelError
from viper.settings import EndpointServing, ServedRollouts, VlmSettings

# peft asks transformers for a name that the latter is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
OWN = ServedRollouts(engine="endpoint")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VlmSettings:
    settings = random_model(tmp_path_factory.mktemp("vlm"))
    return settings.model_copy(update={"serving": EndpointServing(engine="endpoint", requests_in_flight=2)})


@contextmanager
def servers(
    count: int, model: VlmSettings, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Iterator[list[SmallServer]]:
    with ExitStack() as stack:
        running = [stack.enter_context(serving(SmallServer(model))) for _ in range(count)]
        monkeypatch.setenv("VIPER_ADAPTERS", str(folder / "adapters"))
        monkeypatch.setenv("VIPER_VLM_ENDPOINTS", " ".join(one.address for one in running))
        yield running


def loads(server: SmallServer) -> list[str]:
    return [body["lora_name"] for path, body in zip(server.asked, server.bodies, strict=True) if "/load_" in path]


def test_each_step_samples_with_its_own_adapter_on_every_server_and_a_resume_repeats_nothing_before_its_checkpoint(
    model: VlmSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers(2, model, monkeypatch, tmp_path) as two:
        seen: list[dict[str, float]] = []
        reports = Reports(lambda _, figures: seen.append(figures), lambda *_: None)
        whole = trainer_of(model, three_rows(), tmp_path / "whole" / "checkpoints", [reports], rollouts=OWN)
        whole.train()
        assert len(seen) == STAGE.steps
        # The same weights in the same format: what the server says of its tokens is what the trainer computes.
        assert all(figures["servers/difference"] < 1e-4 for figures in seen)
        assert [len(set(loads(one))) for one in two] == [STAGE.steps] * 2
        assert loads(two[0]) == loads(two[1])
        assert [list(one.models) for one in two] == [[model.path]] * 2
        asked = [body for one in two for body in one.bodies if "messages" in body]
        # Two groups of one row that are neighbors are one request.
        assert sum(body["n"] for body in asked) == STAGE.steps * STAGE.prompts_per_step * STAGE.generations
        assert {(body["max_completion_tokens"], body["temperature"]) for body in asked} == {(6, 1.0)}
        config = whole.model.config
        assert asked[0]["logit_bias"] == {str(config.image_token_id): -100, str(config.video_token_id): -100}

        half = trainer_of(model, three_rows(), tmp_path / "half" / "checkpoints", rollouts=OWN)
        half.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoints" / "checkpoint-4"))
        assert sum("messages" in body for one in two for body in one.bodies) == len(asked)  # nothing is left to do


def test_servers_with_other_weights_end_the_training(
    model: VlmSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers(1, model, monkeypatch, tmp_path) as (server,):
        trainer = trainer_of(model, three_rows(), tmp_path / "checkpoints", rollouts=OWN)
        torch.manual_seed(1)
        load = server.load

        def load_other(name: str, path: str) -> tuple[int, object]:
            found = load(name, path)
            with torch.no_grad():
                for weight in server.models[name].model.parameters():
                    weight.add_(torch.randn_like(weight) * 0.5)
            return found

        monkeypatch.setattr(server, "load", load_other)
        with pytest.raises(ModelError, match=r"differ from the trainer's by .* nats a token: they serve other weights"):
            trainer.train()


@pytest.mark.parametrize(("importance", "expected"), [("own", [1.0, 1.0, 1.0]), ("truncated", [2.0, 0.5, 1.0])])
def test_tokens_weigh_by_the_truncated_ratio_of_both_probabilities(
    importance: str, expected: list[float], model: VlmSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers(1, model, monkeypatch, tmp_path):
        rollouts = ServedRollouts.model_validate({"engine": "endpoint", "importance": importance})
        asked = RolloutServers(model, rollouts, tmp_path / "adapter")
        # 0.9 against 0.3 is 3 and cut to 2; 0.1 against 0.2 is a half; the last place holds no token.
        own, told = torch.tensor([[log(0.9), log(0.1), 0.0]]), torch.tensor([[log(0.3), log(0.2), -7.0]])
        figures: dict[str, list[float]] = defaultdict(list)
        found = asked.weights(own, told, torch.tensor([[1, 1, 0]]), figures)
        assert found.tolist() == [pytest.approx(expected)]
        assert figures["servers/difference"] == [pytest.approx((log(3) + log(2)) / 2)]
        asked.close()


def test_a_token_that_the_server_drew_too_rarely_moves_the_weights_more(
    model: VlmSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rollouts, once as drawn by the trainer's own probabilities and once by others: another update."""
    ended = {}
    for name, shift in (("same", 0.0), ("shifted", 0.4)):
        with servers(1, model, monkeypatch, tmp_path / name) as (server,):
            complete = server.complete

            def shifted(body: dict[str, object], complete=complete, shift: float = shift) -> dict[str, object]:
                answer = complete(body)
                for choice in answer["choices"][:1]:
                    for one in choice["logprobs"]["content"]:
                        one["logprob"] -= shift
                return answer

            monkeypatch.setattr(server, "complete", shifted)
            rollouts = ServedRollouts(engine="endpoint", importance="truncated")
            changes = {"steps": 1, "warmup_steps": 0, "rollouts": rollouts}
            trainer = trainer_of(model, three_rows(), tmp_path / name / "checkpoints", **changes)
            trainer.train()
            ended[name] = weights(trainer.model)
    changed = [name for name in ended["same"] if not torch.equal(ended["same"][name], ended["shifted"][name])]
    assert changed
    assert all("lora_" in name for name in changed)
