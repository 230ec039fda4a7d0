"""Training teaches: where corrections are known the reward rises, and the model says them afterwards."""

from pathlib import Path

import pytest
from datasets import Dataset, Features, Image, List, Value

from models.grpo import make_trainer
from models.grpo_reports import Reports
from models.prompt_reader import Prompt
from models.rewards import SentenceReward
from models.similarity import load_similarity
from models.threads import fix_threads
from models.trainable import Adaptation, save_trained
from models.vlm import load_vlm
from tests.golden.six import pictures
from viper.profiles import load_profile
from viper.settings import GrpoStage

# peft asks transformers for a name that the latter is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")

SETTINGS = load_profile("shapes")
LESSONS = {
    "a": ("the top left holds a small teal circle.", "the object at the top left is a ring, not a circle."),
    "d": ("at the bottom right there is a large red square.", "the object at the bottom right is pink, not red."),
    "f": (
        "at the middle left there is a large orange triangle.",
        "the object at the middle left is brown, not orange.",
    ),
}
"""By image: what the base says of it, and a correction that it needs."""
STAGE = GrpoStage(
    lessons=("csr",),
    steps=10,
    prompts_per_step=6,
    generations=8,
    learning_rate=6e-3,
    max_completion_tokens=40,
    checkpoint_steps=10,
    micro_batch=48,
)


ASK = "caption: {} what must be corrected?"


def lessons() -> Dataset:
    """Each lesson twice."""
    images = pictures()
    return Dataset.from_dict(
        {
            "images": [[images[name]] for name in LESSONS] * 2,
            "prompt": [ASK.format(caption) for caption, _ in LESSONS.values()] * 2,
            "truth": [[correction] for _, correction in LESSONS.values()] * 2,
        },
        features=Features({"images": List(Image()), "prompt": Value("string"), "truth": List(Value("string"))}),
    )


def test_the_reward_rises_and_the_corrections_are_said(tmp_path: Path) -> None:
    fix_threads("cpu")
    images = pictures()
    seen: list[dict[str, float]] = []
    training = SETTINGS.training
    trainer = make_trainer(
        SETTINGS.models.vlm,
        lessons(),
        STAGE,
        Adaptation(method="lora", lora=training.lora, shared_prefix=True),
        SentenceReward(load_similarity(SETTINGS.models.similarity), training.reward),
        seed=7,
        output_dir=tmp_path,
        callbacks=[Reports(lambda _, figures: seen.append(figures), lambda *_: None)],
    )
    trainer.train()
    rewards = [figures["reward"] for figures in seen if "reward" in figures]
    print(rewards)
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.2, rewards

    (tmp_path / "adapter").mkdir()
    save_trained(trainer, "", "", tmp_path / "adapter")
    learned = load_vlm(SETTINGS.models.vlm, str(tmp_path / "adapter"))
    asked = [Prompt(ASK.format(caption), (images[name],)) for name, (caption, _) in LESSONS.items()]
    said = learned.generate(asked, max_new_tokens=40, batch=3)
    for word, reply in zip(("ring", "pink", "brown"), said, strict=True):
        assert word in reply, said
