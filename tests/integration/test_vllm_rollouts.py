"""The real vLLM samples the rollouts of a training: the reward rises as in the process, and a resume goes on."""

from pathlib import Path

import pytest

from models.grpo import make_trainer
from models.grpo_reports import Reports
from models.rewards import SentenceReward
from models.similarity import load_similarity
from models.threads import fix_threads
from models.trainable import Adaptation
from tests.golden.test_learning import SETTINGS, STAGE, lessons
from tests.vllm_servers import vllm_server
from viper.settings import EndpointServing, Rollouts, ServedRollouts

pytestmark = [
    pytest.mark.integration,
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    # peft asks transformers for a name that the latter is about to drop.
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning"),
]
STEPS, KEPT = 8, 4


def trained(folder: Path, rollouts: Rollouts | None, resume: Path | None = None) -> list[dict[str, float]]:
    """The figures of each step."""
    seen: list[dict[str, float]] = []
    serving = EndpointServing(engine="endpoint", requests_in_flight=8)
    trainer = make_trainer(
        SETTINGS.models.vlm.model_copy(update={"serving": serving}),
        lessons(),
        STAGE.model_copy(update={"steps": STEPS, "checkpoint_steps": KEPT}),
        Adaptation(method="lora", lora=SETTINGS.training.lora, shared_prefix=True),
        SentenceReward(load_similarity(SETTINGS.models.similarity), SETTINGS.training.reward),
        seed=7,
        output_dir=folder / "checkpoints",
        callbacks=[Reports(lambda _, figures: seen.append(figures), lambda *_: None)],
        rollouts=rollouts,
    )
    trainer.args.save_total_limit = None  # the checkpoint in the middle is gone on from
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    print([round(figures["reward"], 2) for figures in seen])
    return seen


def rise(seen: list[dict[str, float]]) -> float:
    """How much higher the reward of the last three steps is than that of the first three."""
    rewards = [figures["reward"] for figures in seen]
    return sum(rewards[-3:]) / 3 - sum(rewards[:3]) / 3


@pytest.mark.parametrize("importance", ["own", "truncated"])
def test_the_reward_rises_as_in_the_process_and_a_resume_repeats_no_more_than_an_interval(
    importance: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix_threads("cpu")
    within = trained(tmp_path / "within", None)
    server = vllm_server(tmp_path)
    monkeypatch.setenv("VIPER_VLM_ENDPOINTS", server.page.removesuffix("/v1/models"))
    monkeypatch.setenv("VIPER_ADAPTERS", str(tmp_path / "adapters"))
    rollouts = ServedRollouts.model_validate({"engine": "endpoint", "importance": importance})
    try:
        server.start()
        seen = trained(tmp_path / "served", rollouts)
        resumed = trained(tmp_path / "again", rollouts, tmp_path / "served" / "checkpoints" / f"checkpoint-{KEPT}")
    finally:
        server.kill()
    # Both rise; what differs between them are 48 other draws a step.
    assert rise(within) > 0.1
    assert rise(seen) > rise(within) / 2
    assert max(figures["servers/difference"] for figures in seen) < 1e-3
    assert len(resumed) == STEPS - KEPT
    assert resumed[-1]["reward"] > seen[0]["reward"]
    assert not list((tmp_path / "adapters").iterdir())
