"""What lies in a model's folder: suggestions about sampling change no reply, and processors are saved as stock ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.locations import resolve
from models.prompt_reader import Prompt
from models.vlm import load_processor, load_vlm
from viper.errors import ModelError
from viper.profiles import load_profile


def test_a_folder_that_suggests_a_repetition_penalty_gives_the_same_replies(tmp_path: Path) -> None:
    settings = load_profile("shapes").models.vlm
    folder = tmp_path / "vlm"
    shutil.copytree(resolve(settings.path), folder)
    suggestions = json.loads((folder / "generation_config.json").read_text())
    suggestions |= {"repetition_penalty": 3.0, "top_k": 1, "do_sample": True, "no_repeat_ngram_size": 2}
    (folder / "generation_config.json").write_text(json.dumps(suggestions))

    def replies(path: str) -> list[str]:
        vlm = load_vlm(settings.model_copy(update={"path": path}))
        # 9 gray cells with a square each: the caption repeats its words, so a penalty would show.
        picture = Image.new("RGB", (48, 48), (127, 127, 127))
        for x in (4, 20, 36):
            for y in (4, 20, 36):
                picture.paste((220, 30, 30), (x, y, x + 8, y + 8))
        return vlm.generate([Prompt("describe the image.", (picture,))], max_new_tokens=60, batch=1)

    plain = replies(settings.path)
    assert len(set(plain[0].split())) < len(plain[0].split())
    assert replies(str(folder)) == plain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The embedded model, without its weights."""
    ignored = shutil.ignore_patterns("*.safetensors")
    return Path(shutil.copytree(resolve(load_profile("shapes").models.vlm.path), tmp_path / "vlm", ignore=ignored))


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_that_an_earlier_version_saved_loads_and_is_saved_as_a_stock_one(folder: Path) -> None:
    shipped = (folder / "processor_config.json").read_text()
    kept = {"image_processor": json.loads(shipped)["image_processor"], "processor_class": "ImageOnlyQwenProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(kept))
    change(folder / "tokenizer_config.json", processor_class="ImageOnlyQwenProcessor")
    load_processor(str(folder)).save_pretrained(folder)
    assert (folder / "processor_config.json").read_text() == shipped
    assert json.loads((folder / "tokenizer_config.json").read_text())["processor_class"] == "Qwen2_5_VLProcessor"


def test_a_video_processors_own_file_is_kept_when_the_processor_is_saved(folder: Path) -> None:
    content = json.loads((folder / "processor_config.json").read_text())
    del content["video_processor"]
    (folder / "processor_config.json").write_text(json.dumps(content))
    own = {"patch_size": 8, "merge_size": 2, "max_frames": 3, "video_processor_type": "Qwen2VLVideoProcessor"}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(own))
    load_processor(str(folder)).save_pretrained(folder)
    saved = json.loads((folder / "processor_config.json").read_text())["video_processor"]
    assert own.items() <= saved.items()


def test_a_qwen2_vl_folder_is_saved_as_one(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["model_type"], config["vision_config"]["model_type"] = "qwen2_vl_text", "qwen2_vl"
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "qwen2_vl"}))
    processor = load_processor(str(folder))
    text = processor.apply_chat_template(Prompt("describe the image.", (Image.new("RGB", (48, 48)),)).messages())
    inputs = processor(text=[text], images=[Image.new("RGB", (48, 48))], return_tensors="np")
    assert int(np.sum(inputs["input_ids"] == processor.image_token_id)) == 9
    processor.save_pretrained(folder)
    assert json.loads((folder / "processor_config.json").read_text())["processor_class"] == "Qwen2VLProcessor"


def test_a_folder_whose_processor_is_incomplete_is_named(folder: Path) -> None:
    (folder / "processor_config.json").unlink()
    with pytest.raises(ModelError, match=r"The processor of .*vlm cannot be loaded"):
        load_processor(str(folder))


def test_a_processor_that_needs_what_is_not_installed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    def refuse(*_: object, **__: object) -> None:
        raise ImportError("it requires the Torchvision library")

    monkeypatch.setattr(Qwen2VLImageProcessorPil, "from_pretrained", refuse)
    with pytest.raises(ModelError, match=r"The processor of .* cannot be loaded: it requires the Torchvision"):
        load_processor(str(folder))
