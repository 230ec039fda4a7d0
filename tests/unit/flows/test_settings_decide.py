"""Each setting repeats what it decides and nothing before it, and the README says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from flows import identities as model_identities
from flows.cut import Cut
from flows.identities import Identities
from models.prompts import Prompts
from tasks.pools import find_source
from tasks.pools.source import PoolChoice
from tests.loop import cut_for
from tests.settings_table import NOTHING, as_markdown, keys, table
from viper.profiles import load_profile, override
from viper.records import Seed
from viper.settings import Settings

README = Path(__file__).resolve().parents[3] / "README.md"
WITHOUT_CONSEQUENCE = {
    "name",
    *(f"models.{role}.device" for role in ("vlm", "painter", "editor", "similarity")),
    *(f"models.{role}.revision" for role in ("vlm", "painter", "editor", "similarity")),
    *(f"models.{role}.attention" for role in ("painter", "editor", "similarity")),
    *(f"models.{role}.{name}" for role in ("painter", "editor") for name in ("offload", "lora_revision")),
    "judge.device",
    "judge.revision",
    "pool.max_rejected_share",
    *(f"models.vlm.serving.{name}" for name in ("served_name", "requests_in_flight", "timeout_s")),
    *(f"models.vlm.serving.{name}" for name in ("memory_share", "context_tokens", "compiled")),
    "training.launcher",
    "training.sharding",
    "training.hang_timeout_s",
    "gate.approval",
    "notify.block",
    "notify.on",
    "run.workers",
    *(f"run.{kind}.{name}" for kind in ("files", "vlm", "painter", "editor") for name in ("actors", "gpus", "cpus")),
    *(
        f"ablation.sft.{name}"
        for name in ("steps", "rows_per_step", "learning_rate", "warmup_steps", "checkpoint_steps", "micro_batch")
    ),
}
"""By hand: where a model computes, how engines are asked and set up, how a training is started and watched, when a pool
is refused, the revision of a folder, the attention of models that choose their own, in which memory components wait,
whom a promotion needs, who is told, and who works off shards."""
CASES = {
    "filter.min_edit_noise": "operations",
    "filter.max_spill_noise": "operations",
    "filter.ask_vlm": "witnesses",
    "filter.min_gain_noise": "judgements",
    "filter.min_explained": "judgements",
    "filter.max_residual_noise": "judgements",
    "filter.min_samples": "dataset",
    "filter.max_nothing_share": "dataset",
    "synthesis.inline_image_bytes": "dataset",
    "synthesis.tries": "captions",
    "synthesis.critiques": "critiques",
    "synthesis.shard_images": "pool",
    "filter.seeds": "judgements",
    "training.reward.threshold": "model",
    "collapse.min_entropy_nats": "model",
    "collapse.min_score_share": "verdict",
    "gate.margin_points": "verdict",
    "models.vlm.path": "captions",
    "models.vlm.serving": "captions",
    "training.rollouts": "model",
    "training.rollouts.importance_cap": "model",
    "benchmarks.max_new_tokens": "replies",
}
"""By hand, for the settings that were once in too many keys or in too few."""


@pytest.fixture(scope="module")
def first_steps() -> dict[str, str]:
    return table()


def test_every_setting_repeats_something_or_is_known_to_decide_nothing(first_steps: dict[str, str]) -> None:
    assert {path for path, first in first_steps.items() if first == NOTHING} == WITHOUT_CONSEQUENCE


@pytest.mark.parametrize(("path", "first"), CASES.items())
def test_a_setting_repeats_the_step_that_reads_it(first_steps: dict[str, str], path: str, first: str) -> None:
    assert first_steps[path] == first


def test_the_readme_prints_the_table(first_steps: dict[str, str]) -> None:
    assert as_markdown(first_steps) in README.read_text(), "print it again: python -m tests.settings_table"


def moved_by(before: Cut, after: Cut) -> set[str]:
    old, new = keys(before), keys(after)
    return {name.partition(" ")[0] if "dataset" not in name else name for name in old if old[name] != new[name]}


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ("filter.min_edit_noise=0.5", {"operations"}),
        ("filter.ask_vlm=true", {"witnesses", "operations"}),
        ("filter.min_gain_noise=0.5", {"judgements", "refinements"}),
        ("filter.min_samples=3", {"dataset csr", "dataset vop"}),
        ("filter.enabled=false", {"judgements", "refinements", "operations"}),
        ("collapse.min_coverage_share=0.1", {"model"}),
        ("benchmarks.batch=7", {"replies"}),
        ("models.vlm.serving.engine=endpoint", {"captions", "critiques", "replies"}),
        ("models.vlm.min_pixels=1024", {"captions", "critiques", "model", "replies"}),
        ("models.vlm.max_pixels=9216", {"captions", "critiques", "model", "replies"}),
    ],
)
def test_a_setting_moves_no_other_key(change: str, moved: set[str]) -> None:
    assert moved_by(cut_for(), cut_for(change)) == moved


PROMPTS: list[tuple[Callable[[Prompts], Prompts], set[str]]] = [
    (lambda said: replace(said, caption="say it"), {"captions"}),
    (lambda said: replace(said, critique="{caption} what?"), {"critiques"}),
    (lambda said: replace(said, refine="{caption} mend it"), {"dataset csr"}),
    (lambda said: replace(said, predict="what was done?"), {"dataset vop"}),
    (lambda said: replace(said, wording=said.wording.model_copy(update={"question": "{question} say"})), {"replies"}),
    (lambda said: replace(said, wording=said.wording.model_copy(update={"option": "- {text}"})), {"replies"}),
    (lambda said: replace(said, wording=said.wording.model_copy(update={"option_separator": ", "})), {"replies"}),
    (
        lambda said: replace(said, wording=said.wording.model_copy(update={"multiple_choice": "{question} {options}"})),
        {"replies"},
    ),
]


@pytest.mark.parametrize(("change", "moved"), PROMPTS)
def test_another_prompt_repeats_what_it_words(
    change: Callable[[Prompts], Prompts], moved: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = cut_for()
    before = keys(cut)
    monkeypatch.setattr(type(cut.world), "prompts", change(cut.world.prompts))
    after = keys(cut_for())
    assert {
        name.partition(" ")[0] if "dataset" not in name else name for name in before if before[name] != after[name]
    } == moved


def test_prompts_of_a_vlm_that_writes_count_where_they_are_used() -> None:
    photographs = cut_for("world=photographs", "synthesis.writer=vlm")
    said = photographs.world.prompts
    before = keys(photographs)

    class Other(type(photographs.world)):  # type: ignore[misc]
        prompts = replace(said, rewrite="{caption} {corrections}", operations="{caption} edit")

    photographs.world = Other()
    after = keys(photographs)
    assert {name for name in before if before[name] != after[name]} == {"critiques", "unions", "plans"}


def test_the_question_whether_an_operation_happened_counts_where_the_vlm_is_asked() -> None:
    for asked, moved in ((True, {"witnesses"}), (False, set())):
        photographs = cut_for("world=photographs", "synthesis.writer=vlm", f"filter.ask_vlm={str(asked).lower()}")
        before, said = keys(photographs), photographs.world.prompts

        class Other(type(photographs.world)):  # type: ignore[misc]
            prompts = replace(said, happened="{operation} done?")

        photographs.world = Other()
        after = keys(photographs)
        assert {name for name in before if before[name] != after[name]} == moved


def test_pixel_limits_count_wherever_the_vlm_sees_a_picture() -> None:
    by_vlm = ("world=photographs", "synthesis.writer=vlm")
    moved = moved_by(cut_for(*by_vlm), cut_for(*by_vlm, "models.vlm.max_pixels=9216"))
    assert moved == {"captions", "critiques", "unions", "plans", "model", "replies"}


def test_a_hub_model_counts_by_the_commit_that_its_revision_means(monkeypatch: pytest.MonkeyPatch) -> None:
    meant = {"main": "a" * 40}
    monkeypatch.setattr(model_identities, "resolve_commit", lambda name, revision: meant[revision])
    settings = override(load_profile("shapes"), ["models.painter.path='Qwen/Qwen-Image'"])

    def painted(settings: Settings) -> dict[str, str]:
        return keys(Cut(settings, Identities({})))

    before = painted(settings)
    assert painted(settings) == before
    meant["main"] = "b" * 40
    after = painted(settings)
    assert {name for name in before if before[name] != after[name]} == {
        "paintings",
        "noise",
        "judgements",
        "refinements",
    }
    # An evolution that asked before goes on with the commit that was meant then.
    known = model_identities.resolve_commits(settings, {"Qwen/Qwen-Image@main": "a" * 40})
    assert keys(Cut(settings, Identities(known))) == before


def test_a_picture_that_is_replaced_under_its_name_is_another(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    seed = Seed(evolution=1, round_number=0, step="pool")
    choice = PoolChoice(uri=str(tmp_path), count=3, round_number=1, order=seed, draw=seed)
    before = find_source(choice.uri).choose(choice)
    assert find_source(choice.uri).choose(choice) == before
    Image.new("RGB", (16, 16), "blue").save(tmp_path / "1.png")
    after = find_source(choice.uri).choose(choice)
    assert [old.name for old, new in zip(before, after, strict=True) if old != new] == [str(tmp_path / "1.png")]
