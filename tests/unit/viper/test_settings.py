"""The settings: what a stage is, what is refused because it cannot work, and the hash of all values."""

import hashlib
import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from viper.errors import ProfileError
from viper.profiles import load_profile, override, profile_names
from viper.settings import (
    AblationSettings,
    BenchmarkSettings,
    GateSettings,
    GrpoStage,
    JudgeSettings,
    LoraSettings,
    ModelSettings,
    NotifySettings,
    PoolSettings,
    RewardSettings,
    Section,
    Settings,
    SftSizes,
    SftStage,
    Stage,
    TrainingSettings,
)

SIZES: dict[str, Any] = {
    "steps": 4,
    "prompts_per_step": 2,
    "learning_rate": 1e-3,
    "max_completion_tokens": 6,
    "checkpoint_steps": 2,
    "micro_batch": 5,
}


def grpo(*lessons: str, **changes: Any) -> GrpoStage:
    return GrpoStage(lessons=lessons, **{**SIZES, **changes})


@pytest.mark.parametrize(
    ("objective", "lessons", "name"),
    [
        ("grpo", ["csr"], "csr"),
        ("grpo", ["csr", "vop"], "csr-vop"),
        ("sft", ["csr"], "csr-sft"),
        ("sft", ["csr", "vop"], "csr-vop-sft"),
    ],
)
def test_a_stage_is_called_after_its_lessons_and_objective(objective: str, lessons: list[str], name: str) -> None:
    sizes = SIZES if objective == "grpo" else {}
    stage = TypeAdapter(Stage).validate_python({"objective": objective, "lessons": lessons, **sizes})
    assert stage.name == name
    assert stage.model_dump()["name"] == name
    assert type(stage).model_validate_json(stage.model_dump_json()) == stage


def test_a_stage_may_have_a_name_of_its_own() -> None:
    assert SftStage(lessons=("csr",), name="cold-start").name == "cold-start"


@pytest.mark.parametrize("name", ["", "Csr", "csr.2", "a/b", "-", "a-", "x" * 65])
def test_a_name_that_cannot_be_part_of_a_key_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="is no name"):
        grpo("csr", name=name)


def test_a_name_made_of_too_many_lessons_is_refused() -> None:
    with pytest.raises(ValidationError, match="is no name"):
        grpo("a" * 40, "b" * 40)


def test_the_sizes_of_supervised_stages_and_of_ablations_are_the_same_fields() -> None:
    assert set(SftStage.model_fields) - set(SftSizes.model_fields) == {"objective", "lessons", "name"}
    sizes = AblationSettings().sft
    stage = SftStage(lessons=("csr",), **sizes.model_dump())
    assert SftSizes(**stage.model_dump(include=set(SftSizes.model_fields))) == sizes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: grpo(), "no lesson in the list"),
        (lambda: grpo("csr", "csr"), "a lesson is named twice"),
        (lambda: grpo("c s r"), "is no name"),
        (lambda: grpo("csr", micro_batch=7), "does not divide the 10 rollouts.*Choose a divisor of 10"),
        (lambda: grpo("csr", epsilon_high=0.1), "epsilon_high 0.1 is below epsilon_low 0.2"),
        (lambda: grpo("csr", epsilon_low=1.0), "less than 1"),
        (lambda: SftSizes(micro_batch=7), "does not divide the 48 samples"),
        (lambda: SftStage(lessons=("csr",), micro_batch=7), "does not divide the 48 samples"),
        (lambda: TrainingSettings(stages=()), r"at least one table \[\[training.stages\]\]"),
        (lambda: TrainingSettings(stages=(grpo("csr"), grpo("csr"))), "0 and 1 .* both named 'csr'.*name = \"csr-1\""),
        (lambda: TrainingSettings(stages=(grpo("csr"),), launcher=(" ", "launch")), "begins with blank text"),
        (lambda: LoraSettings(target_modules="(("), "is no regular expression"),
        (lambda: JudgeSettings(kind="features"), "names no image model.*Set path"),
        (lambda: JudgeSettings(path="facebook/dinov2-base"), 'Set kind to "features"'),
        (lambda: GateSettings(confidence=0.4), "greater than or equal to 0.5"),
        (lambda: GateSettings(confidence=1), "less than 1"),
        (lambda: NotifySettings(block="https://hooks.slack.com/x"), "names no block.*slack-webhook/team"),
        (lambda: NotifySettings.model_validate({"on": ["success"]}), "Input should be 'failed', 'crashed'"),
        (lambda: BenchmarkSettings(suites=("a", "b", "a"), folder="x"), "'a' more than once"),
        (lambda: BenchmarkSettings(suites=(), folder="x"), "Name at least one suite"),
        (lambda: PoolSettings(uri=" ", images_per_round=1), "the text is blank"),
        (lambda: PoolSettings(uri="x", images_per_round=1, hash_side=4, near_benchmark_bits=16), "below 16"),
        (lambda: ModelSettings(path=""), "the text is blank"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(make: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()


@pytest.mark.parametrize("device", ["banana", "cuda:", "cuda:x", "CPU", "cuda:1:2", "", "gpu", "cuda:-1"])
def test_a_device_that_torch_does_not_know_is_refused(device: str) -> None:
    with pytest.raises(ValidationError, match="no torch device"):
        ModelSettings(path="x", device=device)


@pytest.mark.parametrize(
    "assignment",
    [
        "training.stages.csr.steps=true",
        "training.stages.csr.steps=2.5",
        'training.stages.csr.steps="4"',
        "training.stages.csr.learning_rate=true",
        'gate.margin_points="1"',
        "filter.enabled=1",
        "pool.uri=4",
        "seed=false",
        "benchmarks.suites=4",
        'training.launcher="accelerate launch"',
        "evolution=a-",
        "evolution=.a",
        'training.lora.target_modules="("',
        "gate.confidence=1",
        "training.stages.csr.learning_rate=inf",
        "benchmarks.suites=[]",
        "training.stages=[]",
        "models.vlm.device=banana",
    ],
)
def test_a_value_that_means_nothing_is_refused_with_where_it_stands(assignment: str) -> None:
    with pytest.raises(ProfileError) as caught:
        override(load_profile("shapes"), [assignment])
    section, _, key = assignment.partition("=")[0].rpartition(".")
    assert section in str(caught.value)
    assert key in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("section", "key"),
    [
        (GrpoStage, "learning_rate"),
        (GrpoStage, "temperature"),
        (GrpoStage, "epsilon_high"),
        (SftSizes, "learning_rate"),
        (RewardSettings, "threshold"),
        (GateSettings, "margin_points"),
    ],
)
def test_a_number_that_is_not_finite_is_refused(section: type[Section], key: str, number: float) -> None:
    with pytest.raises(ValidationError) as refused:
        section.model_validate({key: number})
    assert key in {detail["loc"][-1] for detail in refused.value.errors()}


def test_the_features_of_an_image_model_judge_where_it_is_named() -> None:
    assert JudgeSettings(kind="features", path="facebook/dinov2-base").revision == "main"
    assert JudgeSettings().kind == "pixels"


@pytest.mark.parametrize("profile", profile_names())
def test_the_hash_of_the_settings_is_that_of_a_step_with_them(profile: str) -> None:
    settings = load_profile(profile)
    values = {name: value for name, value in settings.model_dump(mode="json").items() if name != "run"}
    whole = {"step": "settings", "version": 1, "inputs": {"settings": values}}
    assert settings.sha256 == hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def test_the_hash_of_the_settings_moves_with_a_value_alone() -> None:
    settings = load_profile("shapes")
    assert Settings.model_validate_json(settings.model_dump_json()).sha256 == settings.sha256
    assert override(settings, ["training.stages.vop.steps=25"]).sha256 != settings.sha256
    # Whoever works off the shards, data, weights and verdict are the same.
    assert override(settings, ["run.workers=ray", "run.vlm.actors=4"]).sha256 == settings.sha256


def test_the_settings_describe_themselves_as_a_schema() -> None:
    schema = Settings.model_json_schema()
    assert {"GrpoStage", "SftStage", "JudgeSettings"} <= set(schema["$defs"])
