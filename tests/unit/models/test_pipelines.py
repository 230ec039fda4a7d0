"""How a pipeline is loaded from a folder: its revision, its number format, and no code or pickle of it."""

import json
from pathlib import Path

import diffusers
import pytest
import torch

from models.diffusion import load_pipeline
from viper.errors import ModelError
from viper.settings import DiffusionSettings


def settings(**changed: object) -> DiffusionSettings:
    plain = {"path": "x", "device": "cpu", "dtype": "float32", "steps": 3, "side_px": 64, "batch": 2}
    return DiffusionSettings.model_validate({**plain, "guidance": 4.0, "negative_prompt": "blur", **changed})


class Loaded:
    """What ``from_pretrained`` gives; remembers what was done with it."""

    def __init__(self) -> None:
        self.device, self.quiet = "", False

    def set_progress_bar_config(self, disable: bool) -> None:
        self.quiet = disable

    def to(self, device: str) -> "Loaded":
        self.device = device
        return self


def test_a_pipeline_is_loaded_from_its_revision_in_its_number_format_without_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    def from_pretrained(location: str, **given: object) -> Loaded:
        asked.append((location, given))
        return Loaded()

    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", from_pretrained)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "SanaPipeline"}))
    loaded = load_pipeline(settings(path=str(tmp_path), revision="v2", dtype="bfloat16"))
    given = {"revision": "v2", "dtype": torch.bfloat16, "use_safetensors": True}
    assert asked == [(str(tmp_path), given)]
    assert (loaded.device, loaded.quiet) == ("cpu", True)


def test_a_folder_that_is_no_pipeline_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        load_pipeline(settings(path=str(tmp_path)))


@pytest.mark.parametrize("named", ["OwnPipeline", ["pipeline", "OwnPipeline"]])
def test_code_in_a_model_folder_is_never_run(tmp_path: Path, named: object) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": named, "_diffusers_version": "0.42.1"}))
    code = f"from pathlib import Path\nPath({str(tmp_path / 'was-run')!r}).touch()\nclass OwnPipeline: ...\n"
    (tmp_path / "pipeline.py").write_text(code)
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        load_pipeline(settings(path=str(tmp_path)))
    assert not (tmp_path / "was-run").exists()
