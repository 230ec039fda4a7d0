"""Profiles and overrides: what is read, what is refused, and what the messages say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.small import SMALL
from viper.errors import ProfileError
from viper.profiles import PROFILES_FOLDER, load_profile, override, parse_settings, profile_names
from viper.settings import Settings, SftStage

SHAPES = load_profile("shapes")


def refusal(*assignments: str) -> str:
    with pytest.raises(ProfileError) as refused:
        override(SHAPES, list(assignments))
    return str(refused.value)


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ProfileError, match="Did you mean 'shapes'"):
        load_profile("shape")


@pytest.mark.parametrize("content", [b"name = ", b"seed = " + b"9" * 5000])
def test_a_missing_file_and_broken_toml_are_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ProfileError, match="There is no file"):
        load_profile(str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(ProfileError, match=r"mine\.toml is not valid TOML"):
        load_profile(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_profile_in_another_encoding_says_how_to_save_it(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "mine.toml").write_text('name = "für"', encoding=encoding)
    with pytest.raises(ProfileError, match=r"mine\.toml is not in UTF-8 .* Save it as UTF-8"):
        load_profile(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(("name", "mark"), [("mine.toml", b"\xef\xbb\xbf"), ("MINE.TOML", b"")])
def test_a_byte_order_mark_and_capital_letters_change_nothing(tmp_path: Path, name: str, mark: bytes) -> None:
    (tmp_path / name).write_bytes(mark + (PROFILES_FOLDER / "shapes.toml").read_bytes())
    assert load_profile(str(tmp_path / name)) == SHAPES


@pytest.mark.parametrize("name", ["../profiles/shapes", str(PROFILES_FOLDER / "shapes")])
def test_a_name_is_a_name_and_a_path_ends_in_toml(name: str) -> None:
    with pytest.raises(ProfileError, match=r"There is no profile .* A path ends in \.toml"):
        load_profile(name)


@pytest.mark.parametrize("profile", profile_names())
def test_shipped_profiles_train_on_both_lessons_by_reinforcement(profile: str) -> None:
    settings = load_profile(profile)
    assert [(stage.objective, stage.lessons, stage.name) for stage in settings.training.stages] == [
        ("grpo", ("csr",), "csr"),
        ("grpo", ("vop",), "vop"),
    ]
    assert parse_settings(settings.model_dump(mode="json"), "a stored request") == settings


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("pool.image_per_round=3", "Unknown key 'pool.image_per_round'; did you mean 'images_per_round'?"),
        ("poll.uri=x", "Unknown key 'poll'; did you mean 'pool'?"),
        ("training.stages.csr.stepz=3", "Unknown key 'training.stages.csr.stepz'; did you mean 'steps'?"),
        ("training.stages.1.learn_rate=3", "'training.stages.vop.learn_rate'; did you mean 'learning_rate'?"),
        ("judge.kid=x", "Unknown key 'judge.kid'; did you mean 'kind'?"),
        ("judge.zzz=x", "known here: device, kind, path, revision."),
        ("ablation.sft.step=2", "Unknown key 'ablation.sft.step'; did you mean 'steps'?"),
        ("training.stages.csr.objective=sft", "Unknown keys 'training.stages.csr.prompts_per_step', "),
        ("a..b=1", "Unknown key 'a'"),
        ("=1", "Unknown key ''"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_or_all_known_ones(assignment: str, message: str) -> None:
    assert message in refusal(assignment)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("pool.images_per_round=0", "greater than or equal to 1 (found 0)"),
        ("seed", "no '='"),
        ("seed.x=1", "is a value, not a section"),
        ("training.stages.csr.steps.x=1", "'steps' is a value, not a section"),
        ("evolution=Two Words", "evolution: 'Two Words' is no name"),
        ("evolution=", "evolution: '' is no name"),
        ("world=Big World", "world: 'Big World' is no name"),
        ("synthesis.writer=me", "'rules' or 'vlm' (found 'me')"),
        ("gate.gain_on=nothing", "Known: mean, coarse_perception"),
        ("models.vlm.attention=flash_attention_2", "training.shared_prefix needs"),
        ("training.stages=[]", "training: stages is empty"),
        ("training.stages=3", "training.stages: expected a list (found 3)"),
        ("training.stages.csr=3", "training.stages.0: expected a table, such as {key = value} (found 3)"),
        ("training.stages.csr.micro_batch=7", "training.stages.csr: micro_batch 7 does not divide the 384 rollouts"),
        ("training.stages.csr.learning_rate=nan", "learning_rate: Input should be a finite number (found nan)"),
        ("training.stages.csr.name=vop", "stages 0 and 1 (counted from 0) are both named 'vop'"),
        ("training.stages=[{lessons=['csr']}]", "'training.stages.csr' has no objective. Write objective = \"grpo\""),
        ("training.stages=[{objective='dpo', lessons=['csr']}]", '.objective\' is \'dpo\'. Expected "grpo" or "sft".'),
        ("training.stages=[{objective='sft'}]", "'training.stages.0.lessons' is missing."),
        ("training.lora.target_modules=((", "training.lora.target_modules: '((' is no regular expression"),
        ("ablation.sft.micro_batch=7", "ablation.sft: micro_batch 7 does not divide the 48 samples"),
        ("filter.seeds=" + str(list(range(99))), "…)."),
        ("benchmarks.suites=counting", 'benchmarks.suites: expected a list; write ["counting"] (found'),
        ("evolution=18", 'evolution: expected a text; write it in quotation marks: "18" (found 18)'),
        ("evolution=2024-01-01", 'write it in quotation marks: "2024-01-01" (found 2024-01-01)'),
        ("world=true", 'write it in quotation marks: "true"'),
        ("seed=abc", "seed: expected a whole number (found 'abc')"),
        ("filter.enabled=1", "filter.enabled: expected true or false (found 1)"),
        ("seed=1\nfilter.seeds=9", "sets more than one value"),
        ("seed=1\n[filter]\nseeds=9", "sets more than one value"),
        ("pool.uri=x\0y", r"the text holds the character '\x00'"),
        ("pool.uri=x\udcff", r"the text holds the character '\udcff'"),
        ('benchmarks.suites=["a\\u0001"]', r"the text holds the character '\x01'"),
        ("pool.uri=s3://", "pool.uri: 's3://' is an address which names no bucket"),
        ("pool.uri=s3:/b/x", "'s3:/b/x' is an address of another kind"),
        ("benchmarks.folder=gs://b", "benchmarks.folder: 'gs://b' is an address of another kind"),
        ("benchmarks.folder=s3://k:secret@b/x", "'s3://***@b/x' is an address which has keys in it"),
        ("models.vlm.path=s3://b/x", "models.vlm.path: 's3://b/x' is an address. Models are read from a folder"),
        ("training.stages.csr.warmup_steps=18", "warmup_steps is 18, but the stage has 18 steps"),
        ("ablation.sft.steps=2", "warmup_steps is 2, but the stage has 2 steps"),
        ("training.stages.csr.learning_rate=1", "less than 1 (found 1)"),
        ("training.stages.csr.temperature=0.001", "greater than or equal to 0.01"),
        ("synthesis.critique_temperature=0.001", "greater than or equal to 0.01"),
        ("pool.hash_side=65", "less than or equal to 64"),
        ("gate.confidence=0.49", "greater than or equal to 0.5"),
        (f"seed={2**63}", f"less than {2**63}"),
        (f"pool.images_per_round={10**30}", f"less than {2**63}"),
    ],
)
def test_wrong_values_are_named(assignment: str, message: str) -> None:
    said = refusal(assignment)
    assert message in said
    assert said.startswith("--set")
    assert "Value error" not in said
    assert "\n" not in said


def test_an_override_changes_one_value_only() -> None:
    after = override(SHAPES, ["filter.seeds=3"])
    assert after.filter.seeds == 3
    assert after.model_copy(update={"filter": SHAPES.filter}) == SHAPES
    assert override(SHAPES, []) is SHAPES


@pytest.mark.parametrize("address", ["csr", "0"])
def test_a_stage_is_addressed_by_its_name_or_its_number(address: str) -> None:
    after = override(SHAPES, [f"training.stages.{address}.steps=5"])
    assert [stage.steps for stage in after.training.stages] == [5, 16]
    assert after.training.stages[1] == SHAPES.training.stages[1]


@pytest.mark.parametrize("address", ["vpo", "2", "-1", "", "\u0660"])
def test_an_unknown_stage_is_refused_with_the_known_ones(address: str) -> None:
    said = refusal(f"training.stages.{address}.steps=5")
    assert f"'training.stages' has no item {address!r}." in said
    assert "Known names: csr, vop. Known numbers: 0 to 1." in said
    assert ("Did you mean 'vop'?" in said) == (address == "vpo")


def test_stages_can_be_given_as_inline_tables_and_then_addressed_by_their_default_names() -> None:
    tables = "[{objective='sft', lessons=['csr', 'vop']}, {objective='sft', lessons=['vop'], name='last'}]"
    after = override(SHAPES, [f"training.stages={tables}", "training.stages.csr-vop-sft.steps=3"])
    first, last = after.training.stages
    assert isinstance(first, SftStage)
    assert (first.name, first.steps, last.name) == ("csr-vop-sft", 3, "last")
    renamed = override(after, ["training.stages.last.name=end", "training.stages.end.steps=4"])
    assert (renamed.training.stages[1].name, renamed.training.stages[1].steps) == ("end", 4)


def test_one_whole_stage_and_one_suite_can_be_replaced() -> None:
    after = override(SHAPES, ["training.stages.vop={objective='sft', lessons=['vop']}", "benchmarks.suites.0=other"])
    assert [stage.name for stage in after.training.stages] == ["csr", "vop-sft"]
    assert after.benchmarks.suites == ("other", *SHAPES.benchmarks.suites[1:])
    assert "'benchmarks.suites' has no item 'x'. Known numbers: 0 to 6." in refusal("benchmarks.suites.x=y")


def test_the_small_round_of_the_tests_is_still_a_round() -> None:
    small = override(SHAPES, SMALL)
    assert [stage.steps for stage in small.training.stages] == [4, 4]


def outcome(make: Callable[[], Settings]) -> Settings | str:
    """The settings, or what the refusal says. Anything else is a traceback that nobody should see."""
    try:
        return make()
    except ProfileError as error:
        return str(error)


def every_key(values: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(values, dict):
        return [path, *(found for key, inner in values.items() for found in every_key(inner, (*path, key)))]
    if isinstance(values, list):
        return [
            path,
            *(found for number, inner in enumerate(values) for found in every_key(inner, (*path, str(number)))),
        ]
    return [path]


PATHS = every_key(SHAPES.model_dump(mode="json"))
PARTS = st.text(max_size=8) | st.sampled_from(["csr", "vop", "0", "objective", "grpo", "sft", "steps", "stages"])
VALUES = st.text(max_size=8) | st.sampled_from(["1", "nan", "[]", "{}", "[[]]", "[{}]", "'sft'", "{a = 1}", "[1, 'x']"])


@given(st.sampled_from(PATHS), st.lists(PARTS, max_size=3), VALUES)
def test_an_assignment_to_any_path_gives_settings_or_a_plain_refusal(
    path: tuple[str, ...], more: list[str], value: str
) -> None:
    found = outcome(lambda: override(SHAPES, [f"{'.'.join([*path, *more])}={value}"]))
    assert isinstance(found, Settings) or found.startswith("--set")


@given(st.sampled_from(PATHS), st.text(min_size=1, max_size=12).filter(lambda key: "=" not in key and "." not in key))
def test_an_unknown_key_anywhere_is_refused_by_its_name(path: tuple[str, ...], key: str) -> None:
    inside: Any = SHAPES.model_dump(mode="json")
    values = inside
    for part in path:
        inside = inside[int(part)] if isinstance(inside, list) else inside[part]
    free = path[-1:] == ("scheduler",)  # it holds whatever a scheduler of diffusers has
    if not isinstance(inside, dict) or free or key in inside or key in ("prompts", "distance", "csr", "vop", "sft"):
        return
    inside[key] = 1
    with pytest.raises(ProfileError, match="Unknown key") as refused:
        parse_settings(values, "mine.toml")
    assert repr(key)[1:-1] in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["prompts", "distance", "synthesis", "training", "models", "judge", "ablation"]), JSON)
def test_any_value_in_place_of_a_section_is_a_plain_refusal(section: str, value: object) -> None:
    values = SHAPES.model_dump(mode="json") | {section: value}
    found = outcome(lambda: parse_settings(values, "mine.toml"))
    assert isinstance(found, Settings) or found.startswith("mine.toml")


@given(
    JSON | st.lists(st.sampled_from(["csr", "vop", "mixed", "mixed-sft", "other"]), max_size=3),
    st.dictionaries(st.sampled_from(["csr", "vop", "sft"]), JSON),
)
def test_any_value_in_the_older_form_of_training_is_a_plain_refusal(
    stages: object, sections: dict[str, object]
) -> None:
    training = {**SHAPES.training.model_dump(mode="json"), "stages": stages, **sections}
    with pytest.raises(ProfileError, match=r"^mine\.toml"):
        parse_settings(SHAPES.model_dump(mode="json") | {"training": training}, "mine.toml")
