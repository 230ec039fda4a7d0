"""A pickle in a model folder is refused before anything opens it, whatever it is called; code in it does not run."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig

from models.locations import resolve
from models.pickles import refuse_pickles
from models.vlm import load_vlm
from tests.small_vlms import save_small, settings_of
from viper.errors import ModelError
from viper.settings import VlmSettings


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "deep/er/adapter_model.bin", "config.json", "weights.PT", "x"])
@pytest.mark.parametrize("protocol", [2, 5])
def test_a_pickle_is_refused_and_never_opened(tmp_path: Path, name: str, protocol: int) -> None:
    folder, mark = tmp_path / "model", tmp_path / "opened"
    file = folder / name
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps(Trap(mark), protocol))
    with pytest.raises(ModelError, match=rf"{file.name} in .* is a pickle"):
        load_vlm(VlmSettings(path=str(folder), dtype="float32", device="cpu"))
    assert not mark.exists()


def test_what_torch_saves_is_refused_under_any_name(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="is a pickle"):
        resolve(str(tmp_path))


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    (tmp_path / "openvino.bin").write_bytes(np.arange(9, dtype=np.float32).tobytes())
    np.savez(tmp_path / "table.npz", a=np.ones(2))
    (tmp_path / "empty").touch()
    (tmp_path / "torn.zip").write_bytes(b"PK\x03\x04 and no more")
    refuse_pickles(tmp_path)


def test_code_in_the_folder_of_a_model_does_not_run(tmp_path: Path) -> None:
    mark, folder = tmp_path / "ran", save_small("qwen2_5_vl", tmp_path / "vlm")
    own = f"from pathlib import Path\nPath({str(mark)!r}).touch()\n"
    # Classes of its own: transformers marks those that such code names, for as long as the process lives.
    own += "from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration\n"
    own += "class Config(Qwen2_5_VLConfig): pass\nclass Model(Qwen2_5_VLForConditionalGeneration): pass\n"
    (folder / "own.py").write_text(own)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "own.Config", "AutoModelForImageTextToText": "own.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    load_vlm(settings_of(folder))
    assert not mark.exists()
    # Where it is switched on, the same folder's code does run.
    AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert mark.exists()
