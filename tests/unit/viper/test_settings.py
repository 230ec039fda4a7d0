"""Profiles and overrides."""

from pathlib import Path

import pytest

from viper.errors import ProfileError
from viper.profiles import load_profile, override
from viper.settings import StageSettings, tasks_of


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ProfileError, match="Did you mean 'shapes'"):
        load_profile("shape")


def test_a_missing_file_and_broken_toml_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="There is no file"):
        load_profile(str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_text("name = ")
    with pytest.raises(ProfileError, match=r"mine\.toml is not valid TOML"):
        load_profile(str(tmp_path / "mine.toml"))


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ProfileError, match=r"'pool\.image_per_round'; did you mean 'images_per_round'"):
        override(load_profile("shapes"), ["pool.image_per_round=3"])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("pool.images_per_round=0", "greater than or equal to 1"),
        ("seed", "no '='"),
        ("training.stages=[]", "training.stages is empty"),
        ("training.stages=['csr-stf']", "training.stages.0"),
        ("training.csr.micro_batch=7", "does not divide the 384 rollouts"),
        ("models.vlm.attention=flash_attention_2", "training.shared_prefix needs"),
        ("seed.x=1", "is a value, not a section"),
        ("evolution=Two Words", "evolution"),
    ],
)
def test_wrong_values_are_named(assignment: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        override(load_profile("shapes"), [assignment])


def test_a_mixed_stage_takes_the_steps_of_both_and_the_longer_answers() -> None:
    training = load_profile("shapes").training
    mixed = training.stage("mixed")
    assert isinstance(mixed, StageSettings)
    assert mixed.steps == training.csr.steps + training.vop.steps
    assert mixed.max_completion_tokens == max(training.csr.max_completion_tokens, training.vop.max_completion_tokens)
    assert tasks_of("mixed") == tasks_of("mixed-sft") == ("csr", "vop")
    assert (tasks_of("csr"), tasks_of("vop-sft")) == (("csr",), ("vop",))


def test_supervised_micro_batches_must_divide_their_step() -> None:
    changes = ["training.stages=['csr-sft']", "training.sft.micro_batch=7"]
    with pytest.raises(ProfileError, match="does not divide the 48 samples"):
        override(load_profile("shapes"), changes)


def test_an_override_changes_one_value_only() -> None:
    before = load_profile("shapes")
    after = override(before, ["filter.seeds=3"])
    assert after.filter.seeds == 3
    assert after.model_copy(update={"filter": before.filter}) == before
