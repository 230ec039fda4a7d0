"""What is looked at before any work starts."""

import json
from pathlib import Path

import pytest

from flows.preflight import check, check_models
from flows.throughput import find_rows
from models.locations import resolve
from storage.layout import round_prefix
from viper.errors import ModelError, ProfileError, SuiteError, ViperError
from viper.profiles import load_profile, override

SHAPES = load_profile("shapes")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a folder of each kind."""
    monkeypatch.chdir(tmp_path)
    for name, file in (("vlm", "config.json"), ("pipeline", "model_index.json"), ("other", "notes.txt")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(json.dumps({"made": "for a test"}))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("models.vlm.path=./empty", r"models\.vlm\.path is './empty', but the folder is empty"),
        ("models.vlm.path=./other", "but it has none. Expected a model of transformers, saved with its config.json"),
        ("models.vlm.path=./pipeline", "but it has model_index.json, as a pipeline of diffusers has"),
        ("models.painter.path=./vlm", "but it has config.json, as a model of transformers has"),
        ("models.editor.path=shapes:vlm", "models.editor.path is 'shapes:vlm', but it has config.json"),
        ("models.similarity.path=./pipeline", "models.similarity.path is './pipeline'"),
        ("models.vlm.path=./file", "./file is a file"),
        ("models.vlm.path=file", "file is a file"),
        ("models.vlm.path=./missing", "There is no folder ./missing"),
        ("models.vlm.path=~/missing", "There is no folder ~/missing"),
        (f"models.vlm.path=./{'x' * 5000}", "There is no folder ./xxx"),
        (f"models.vlm.path={'x' * 5000}", "Check path and revision"),
        ("judge={kind='features', path='./pipeline', device='cpu'}", "judge.path is './pipeline'"),
    ],
)
def test_a_path_that_holds_no_model_of_its_kind_is_refused(setting: str, said: str, models: Path) -> None:
    with pytest.raises(ModelError, match=said):
        check_models(override(SHAPES, [setting]))


def test_folders_of_the_right_kinds_are_taken() -> None:
    folders = {name: resolve(f"shapes:{name}") for name in ("vlm", "painter")}
    check_models(override(SHAPES, [f"models.{name}.path={folder}" for name, folder in folders.items()]))


@pytest.mark.parametrize("rounds", [-1, 0, 9_999, 99_999_999])
def test_more_rounds_than_the_store_can_number_are_refused(rounds: int) -> None:
    with pytest.raises(ProfileError, match=f"rounds is {rounds}; expected at least 1 and at most 9,998"):
        check(SHAPES, rounds)
    assert round_prefix("shapes", 9_998).endswith("/9998")


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ([], 400),
        (["training.stages=[{objective='sft', lessons=['vop']}]", "synthesis.edits_per_image=2"], 800),
    ],
)
def test_more_samples_than_the_lessons_can_have_are_refused(settings: list[str], most: int) -> None:
    with pytest.raises(ProfileError, match=f"round of 400 images has at most {most} samples of each lesson"):
        check(override(SHAPES, [*settings, f"filter.min_samples={most + 1}"]), 1)


def test_a_suite_that_is_no_dataset_of_the_hub_is_refused() -> None:
    with pytest.raises(SuiteError, match="'hub:', but the suite 'coarse_perception' is no dataset of the hub"):
        check(override(SHAPES, ["benchmarks.folder=hub:"]), 1)


@pytest.mark.parametrize(
    ("stage", "said"),
    [("nope", "has no stage 'nope' .* It has: csr, vop"), ("vop", "There is no vop dataset of round 1")],
)
def test_a_measurement_without_rows_is_refused(stage: str, said: str) -> None:
    with pytest.raises(ViperError, match=said):
        find_rows(SHAPES, stage)


def test_a_vlm_is_not_asked_to_write_in_a_world_without_prompts_for_it() -> None:
    with pytest.raises(ProfileError, match="the world 'shapes' has no prompts"):
        check(override(SHAPES, ["synthesis.writer=vlm"]), 1)
