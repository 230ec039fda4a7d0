"""Which weights learn, and what is refused before any weight is read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.families import FAMILIES, family_of, find_family
from models.families.checks import check_trainable
from models.families.weights import adapter_targets, in_vision
from models.trainable import Adaptation, load_trainable
from models.vlm import Vlm, load_vlm
from tests.small_vlms import SMALL, settings_of
from viper.errors import ModelError
from viper.profiles import load_profile, override
from viper.settings import LoraSettings, Settings, TrainingSettings

VlmOf = Callable[[str], Vlm]
FolderOf = Callable[[str], Path]
every = pytest.mark.parametrize("kind", SMALL)
TRAINING = load_profile("shapes").training
LAYERS = {"qwen3_vl": 3}
"""Of the small language models; the others have 2."""
TOWERS = {
    # qkv, proj and MLP of each block, then the merger
    "qwen2_vl": 2 * 4 + 2,
    "qwen2_5_vl": 2 * 5 + 2,
    "qwen3_vl": 3 * 4 + 2 + 2 * 2,  # and two mergers of deeper features
    # q, k, v, output and MLP of each block, then the projector
    "internvl": 2 * 6 + 2,
    "llava_onevision": 2 * 6 + 2,
    "idefics3": 2 * 6 + 1,
    "smolvlm": 2 * 6 + 1,
    "gemma3": 2 * 6,  # its projector is a bare matrix
}
"""Linear maps of the small towers and projectors."""


def check_base(settings: Settings) -> None:
    check_trainable(settings.models.vlm, settings.training)


def training(pattern: str = "", **changes: object) -> TrainingSettings:
    return TRAINING.model_copy(update={"lora": LoraSettings(target_modules=pattern), **changes})


def described(kind: str, folder_of: FolderOf, to: Path) -> str:
    """A folder with the configuration of a model, and nothing else."""
    (to / "config.json").write_text((folder_of(kind) / "config.json").read_text())
    return str(to)


def hits(vlm: Vlm, pattern: str, vision_tower: bool) -> list[str]:
    """The modules that peft gives an adapter."""
    from peft import LoraConfig
    from peft.tuners.tuners_utils import check_target_module_exists

    config = LoraConfig(target_modules=adapter_targets(vlm.model, vlm.family, pattern, vision_tower))
    return [name for name, _ in vlm.model.named_modules() if check_target_module_exists(config, name)]


@every
def test_adapters_lie_on_attention_and_mlp_of_the_language_model(kind: str, vlm_of: VlmOf) -> None:
    found = hits(vlm_of(kind), "", vision_tower=False)
    assert len(found) == 7 * LAYERS.get(kind, 2)
    assert not any(in_vision(find_family(kind), name) for name in found)


@every
def test_with_the_vision_tower_every_linear_map_of_it_has_one_too(kind: str, vlm_of: VlmOf) -> None:
    language, both = (hits(vlm_of(kind), "", tower) for tower in (False, True))
    assert set(language) < set(both)
    tower = [name for name in both if in_vision(find_family(kind), name)]
    assert len(tower) == len(both) - len(language) == TOWERS[kind]


@every
def test_a_pattern_that_hits_nothing_is_refused_before_any_weight_is_read(
    kind: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    vlm = settings_of(described(kind, folder_of, tmp_path))
    check_trainable(vlm, training())
    with pytest.raises(ModelError, match=r"'q_proj' matches no module of this .* such as 'model\..*_proj'"):
        check_trainable(vlm, training("q_proj"))
    check_trainable(vlm, training("q_proj", method="full"))


@every
def test_a_pattern_that_reaches_into_the_vision_tower_is_refused(
    kind: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    vlm = settings_of(described(kind, folder_of, tmp_path))
    part = find_family(kind).vision[0]
    with pytest.raises(ModelError, match=rf"matches '{part}\..*' in the vision tower"):
        check_trainable(vlm, training(rf"{part}\..*(fc1|linear_fc1|up_proj)"))


def test_what_can_have_no_adapter_is_refused(vlm_of: VlmOf) -> None:
    vlm = vlm_of("qwen2_5_vl")
    with pytest.raises(ModelError, match=r"matches 'model\.language_model.*', a Qwen2.*, which can have no adapter"):
        adapter_targets(vlm.model, vlm.family, r".*language_model.*", vision_tower=False)


def test_preflight_refuses_a_pattern_that_hits_nothing() -> None:
    settings = load_profile("shapes")
    check_base(settings)
    with pytest.raises(ModelError, match=r"matches no module of this Qwen2\.5-VL"):
        check_base(override(settings, [r"training.lora.target_modules='.*text_model.*q_proj'"]))


def test_a_family_that_is_not_known_is_refused_by_its_configuration_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "paligemma"}))
    for look in (
        lambda: family_of(str(tmp_path)),
        lambda: load_vlm(settings_of(tmp_path)),
        lambda: check_base(override(load_profile("shapes"), [f"models.vlm.path={tmp_path}"])),
    ):
        with pytest.raises(ModelError, match=r"is of the type 'paligemma', which is no known family") as refused:
            look()
        assert all(f"{family.model_type} ({family.name})" in str(refused.value) for family in FAMILIES)


def test_a_folder_that_says_nothing_of_its_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no config\.json with a model_type"):
        family_of(str(tmp_path))


@every
@pytest.mark.parametrize("tower", [False, True])
def test_all_weights_but_the_towers_learn_and_those_too_if_they_shall(
    kind: str, tower: bool, folder_of: FolderOf
) -> None:
    adaptation = Adaptation(method="full", lora=None, vision_tower=tower)
    vlm, adapters = load_trainable(settings_of(folder_of(kind)), adaptation)
    assert adapters is None
    for name, weight in vlm.model.named_parameters():
        seen = name.startswith(("model.visual.", "model.vision", "model.multi_modal_projector.", "model.connector."))
        assert weight.requires_grad == (tower or not (seen or name == "model.image_newline")), name
