"""Settings in their older form are refused with the text to write instead, made from their own values."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from viper.errors import ProfileError
from viper.old_form import find_changes
from viper.profiles import load_profile, override, parse_settings
from viper.settings import GrpoStage, SftSizes, SftStage

SHAPES = load_profile("shapes")
CSR: dict[str, Any] = {
    "steps": 8,
    "prompts_per_step": 4,
    "learning_rate": 2e-3,
    "max_completion_tokens": 72,
    "checkpoint_steps": 4,
    "micro_batch": 5,
}
VOP: dict[str, Any] = {**CSR, "steps": 24, "max_completion_tokens": 56, "generations": 10}


def old_profile(**training: Any) -> dict[str, Any]:
    values = SHAPES.model_dump(mode="json", exclude={"world", "judge", "ablation", "training"})
    values |= {"prompts": "shapes", "distance": "pixels"}
    values["synthesis"]["writer"] = "grammar"
    values["training"] = {"stages": ["csr", "vop"], "csr": CSR, "vop": VOP, "sft": {"steps": 5}, **training}
    return values


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(ProfileError) as refused:
        parse_settings(values, "mine.toml")
    return str(refused.value)


def test_one_message_says_everything_that_must_change() -> None:
    said = refusal(old_profile())
    assert said.startswith("mine.toml has an older form of the settings.")
    assert '# in place of prompts = "shapes"\nworld = "shapes"\n' in said
    assert '# in place of distance = "pixels"\n[judge]\nkind = "pixels"\ndevice = "cpu"\n' in said
    assert '# in place of writer = "grammar" in [synthesis]\nwriter = "rules"\n' in said
    assert '[[training.stages]]\nobjective = "grpo"\nlessons = ["csr"]\nsteps = 8\n' in said
    assert "[ablation.sft]\nsteps = 5\n" in said


def test_the_new_text_pasted_in_place_of_the_old_is_a_profile(tmp_path: Path) -> None:
    values = old_profile(stages=["csr", "mixed", "vop-sft"])
    said = tomllib.loads(refusal(values).partition("\n\n")[2].replace('writer = "rules"', ""))
    del values["prompts"], values["distance"], values["training"]
    values["synthesis"]["writer"] = "rules"
    settings = parse_settings(values | said, "mine.toml")
    csr, mixed, supervised = settings.training.stages
    assert csr == GrpoStage(lessons=("csr",), **CSR)
    assert mixed == GrpoStage(lessons=("csr", "vop"), **{**VOP, "steps": 32, "max_completion_tokens": 72})
    assert supervised == SftStage(lessons=("vop",), steps=5)
    assert settings.ablation.sft == SftSizes(steps=5)
    assert (settings.world, settings.judge.kind, settings.judge.device) == ("shapes", "pixels", "cpu")


def test_an_image_model_becomes_the_judge_of_features() -> None:
    said = refusal({"distance": "facebook/dinov2-base"})
    assert '[judge]\nkind = "features"\npath = "facebook/dinov2-base"\n' in said
    assert "device" not in said


def test_sizes_that_are_nowhere_said_are_left_open() -> None:
    said = refusal({"training": {"stages": ["csr"]}})
    assert "steps = …" in said
    assert refusal({"training": {"stages": ["csr-stf"]}}).count("objective = …") == 1


def test_settings_of_today_need_no_change() -> None:
    assert find_changes(SHAPES.model_dump(mode="json")) == []
    assert find_changes({}) == []
    assert find_changes({"training": {"stages": []}}) == []


OLD_OPTIONS = [
    ("prompts=photographs", "world", "photographs"),
    ("distance=a/b", "judge", {"kind": "features", "path": "a/b", "revision": "main", "device": "cpu"}),
    ("synthesis.writer=grammar", "synthesis.writer", "rules"),
    ("training.vop.steps=30", "training.stages.1.steps", 30),
    ("training.sft.steps=3", "ablation.sft.steps", 3),
    ("training.stages=['vop']", "training.stages", [SHAPES.training.stages[1].model_dump(mode="json")]),
    ("training.stages=vop", "training.stages", [SHAPES.training.stages[1].model_dump(mode="json")]),
]


@pytest.mark.parametrize(("old", "path", "value"), OLD_OPTIONS)
def test_an_option_of_the_older_form_names_the_one_that_does_it_now(old: str, path: str, value: object) -> None:
    with pytest.raises(ProfileError, match="Write instead") as refused:
        override(SHAPES, [old])
    options = re.findall(r"^--set .*(?=   # in place)", str(refused.value), re.MULTILINE)
    found: Any = override(SHAPES, [shlex.split(option)[1] for option in options]).model_dump(mode="json")
    for part in path.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part]
    assert found == value


def test_an_option_for_a_stage_that_is_not_there_asks_for_its_name() -> None:
    only = SHAPES.model_copy(
        update={"training": SHAPES.training.model_copy(update={"stages": SHAPES.training.stages[:1]})}
    )
    with pytest.raises(ProfileError, match=r"--set training\.stages\.NAME\.steps=3"):
        override(only, ["training.vop.steps=3"])


def test_thresholds_of_the_filter_in_pixels_are_answered_with_those_in_noise() -> None:
    values = load_profile("shapes").model_dump(mode="json")
    values["filter"] |= {"min_gain": 0.003, "min_agreement": 1.0, "max_faithful_distance": 0.02}
    values["filter"] |= {"min_edit_change": 0.05, "max_edit_spill": 0.03}
    said = refusal(values)
    assert "# in place of min_gain = 0.003 in [filter]\nmin_gain_noise = 0.2\n" in said
    assert "# in place of min_agreement = 1.0 in [filter]\nmin_explained_alone = 0.4\n" in said
    assert "# in place of max_faithful_distance = 0.02 in [filter]\nmax_residual_noise = 3.2\n" in said
    assert "# in place of min_edit_change = 0.05 in [filter]\nmin_edit_noise = 1.0\n" in said
    assert "# in place of max_edit_spill = 0.03 in [filter]\nmax_spill_noise = 1.0\n" in said
    with pytest.raises(ProfileError, match=r"--set filter.min_gain_noise=0.2   # in place of min_gain = 0.1"):
        override(load_profile("shapes"), ["filter.min_gain=0.1"])
