"""A set-up with which a round could begin, and what one may change about it so that none can."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import ResNetConfig, ResNetModel, SiglipVisionConfig, SiglipVisionModel

from models.locations import resolve
from tests.photographs import make_features, write_photographs, write_suite
from tests.small_pipelines import build_pipeline
from tests.small_vlms import save_small

Change = Callable[[Path], list[str]]
"""Changes the folders, and gives settings that are other than the profile's."""
WEIGHTS = "model.safetensors"


def write_setup(folder: Path) -> Path:
    """Models of random weights, pool, suite, and their profile, with which a round could begin."""
    vlm = save_small("qwen2_5_vl", folder / "vlm")
    painter = build_pipeline("StableDiffusionPipeline", folder / "painter")
    editor = build_pipeline("StableDiffusionInstructPix2PixPipeline", folder / "editor")
    features, pool = make_features(folder / "features"), write_photographs(folder / "pool", 16)
    similarity = shutil.copytree(resolve("shapes:similarity"), folder / "similarity")
    folders = {"vlm": vlm, "painter": painter, "editor": editor, "features": features, "pool": pool}
    text = Path(__file__).with_name("photographs.toml").read_text().format(**folders, suites=folder / "suites")
    write_suite(folder / "suites", 12)
    profile = folder / "profile.toml"
    profile.write_text(text.replace("shapes:similarity", str(similarity)))
    return profile


def copied(profile: Path, to: Path) -> Path:
    """The profile of a copy of a set-up."""
    folder = Path(shutil.copytree(profile.parent, to))
    found = folder / profile.name
    found.write_text(found.read_text().replace(str(profile.parent), str(folder)))
    return found


def set_to(*settings: str) -> Change:
    """Other settings; ``{folder}`` in them is where the models lie."""
    return lambda folder: [one.replace("{folder}", str(folder)) for one in settings]


def lost(path: str) -> Change:
    """A file or folder is missing."""

    def change(folder: Path) -> list[str]:
        one = folder / path
        shutil.rmtree(one) if one.is_dir() else one.unlink()
        return []

    return change


def written(path: str, content: str) -> Change:
    """A file holds this."""

    def change(folder: Path) -> list[str]:
        (folder / path).write_text(content)
        return []

    return change


def edited(path: str, **entries: Any) -> Change:
    """A JSON file has other entries; those of a dictionary are changed one by one, and None takes one out."""

    def change(folder: Path) -> list[str]:
        content = json.loads((folder / path).read_text())
        _update(content, entries)
        (folder / path).write_text(json.dumps(content))
        return []

    return change


def _update(content: dict[str, Any], entries: dict[str, Any]) -> None:
    for name, value in entries.items():
        if isinstance(value, dict) and isinstance(content.get(name), dict):
            _update(content[name], value)
        elif value is None:
            content.pop(name, None)
        else:
            content[name] = value


def replaced(path: str, old: str, new: str) -> Change:
    """A file's text has something else in the place of this."""

    def change(folder: Path) -> list[str]:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))
        return []

    return change


def cut(path: str, size_bytes: int) -> Change:
    """A file ends after so many bytes; before its end, where the number is negative."""

    def change(folder: Path) -> list[str]:
        content = (folder / path).read_bytes()
        (folder / path).write_bytes(content[:size_bytes])
        return []

    return change


def sharded(path: str, missing: str) -> Change:
    """Weights lie in several files, of which one is missing."""

    def change(folder: Path) -> list[str]:
        (folder / path).rename((folder / path).with_name("model-00001-of-00002.safetensors"))
        parts = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": missing}}
        (folder / path).with_name(f"{Path(path).name}.index.json").write_text(json.dumps(parts))
        return []

    return change


def other_vlm(kind: str, *changes: Change) -> Change:
    """The VLM is of another family."""

    def change(folder: Path) -> list[str]:
        shutil.rmtree(folder / "vlm")
        save_small(kind, folder / "vlm")
        return [setting for one in changes for setting in one(folder)]

    return change


def all_of(*changes: Change) -> Change:
    """Several changes."""
    return lambda folder: [setting for one in changes for setting in one(folder)]


def processor_of(kind: str) -> Change:
    """The processor is one of another family."""

    def change(folder: Path) -> list[str]:
        save_small(kind, folder / "other")
        shutil.copy(folder / "other" / "processor_config.json", folder / "vlm")
        return []

    return change


def image_model(save: Callable[[Path], None]) -> Change:
    """The judge looks through another image model."""

    def change(folder: Path) -> list[str]:
        save(folder / "features")
        return []

    return change


def resnet(folder: Path) -> None:
    """It gives maps of features."""
    ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1])).save_pretrained(folder)


def siglip(folder: Path) -> None:
    """It sees 32 x 32; the processor makes 28 x 28."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    SiglipVisionModel(SiglipVisionConfig(image_size=32, patch_size=8, **sizes)).save_pretrained(folder)


def first_module_alone(folder: Path) -> list[str]:
    """The similarity model does not pool its tokens."""
    file = folder / "similarity" / "modules.json"
    file.write_text(json.dumps(json.loads(file.read_text())[:1]))
    return []


def weights_of(value: float) -> Change:
    """The weights of the similarity model are all one number."""

    def change(folder: Path) -> list[str]:
        file = folder / "similarity" / WEIGHTS
        save_file({name: torch.full_like(one, value) for name, one in load_file(file).items()}, file)
        return []

    return change


def nothing_in_the_pool(folder: Path) -> list[str]:
    """The pool is an empty folder."""
    shutil.rmtree(folder / "pool")
    (folder / "pool").mkdir()
    return []


def no_pictures_in_the_pool(folder: Path) -> list[str]:
    """The pool's files are no pictures."""
    for file in (folder / "pool").iterdir():
        file.write_bytes(b"x")
    return []


def lora(name: str) -> Change:
    """Extra weights for the painter."""
    return set_to("models.painter.lora={folder}/loras", f"models.painter.lora_file={name}")


def made(folder: str) -> Change:
    """A folder more."""

    def change(at: Path) -> list[str]:
        (at / folder).mkdir()
        return []

    return change
