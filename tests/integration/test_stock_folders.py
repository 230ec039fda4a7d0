"""VLM folders are stock folders: plain transformers loads them, and torchvision changes nothing in our use.

torchvision is no dependency, and PyPI has no build for the CPU's torch: where it is not installed, the test unpacks the
build for CUDA (8 MB), whose Python code is all that the processors use. About half a minute on two idle cores.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pictures

from models.families import find_family
from models.locations import resolve
from tests.small_vlms import SMALL, save_small
from viper.profiles import load_profile
from viper.settings import SftStage

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning"),
]

ROOT = Path(__file__).resolve().parents[2]
STOCK = [
    "transformers:Qwen2_5_VLProcessor",
    "transformers:Qwen2VLImageProcessor",
    "transformers:Qwen2VLVideoProcessor",
]
BASE = load_profile("shapes").models.vlm
EMBEDDED = Path(resolve(BASE.path))


@pytest.fixture(scope="module")
def torchvision(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What to put on the path of a process that shall import torchvision, and what SmolVLM needs for videos."""
    wanted = ["num2words", "docopt"]
    if find_spec("torchvision") is None:
        wanted += tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["gpu"]
    folder = tmp_path_factory.mktemp("torchvision")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--retries", "1", "--timeout", "15", "--target", str(folder), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    if done.returncode:
        pytest.skip(f"{wanted} cannot be had from the package index: {done.stderr.strip()[-300:]}")
    return str(folder)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model after a few steps of training, as a round saves it."""
    from models.sft import make_sft_trainer
    from models.trainable import Adaptation, save_trained

    stage = SftStage(
        lessons=("csr",),
        steps=4,
        rows_per_step=1,
        learning_rate=3e-3,
        warmup_steps=1,
        checkpoint_steps=4,
        micro_batch=1,
    )
    adaptation = Adaptation(method="full", lora=None)
    picture = Pictures.fromarray(np.full((48, 48, 3), 127, dtype=np.uint8))
    rows = Dataset.from_dict(
        {"images": [[picture]], "prompt": ["describe the image."], "truth": [["the top left holds a large red ring."]]},
        features=Features({"images": List(Image()), "prompt": Value("string"), "truth": List(Value("string"))}),
    )
    folder = tmp_path_factory.mktemp("training")
    trainer = make_sft_trainer(BASE, rows, stage, adaptation, 3, folder, [])
    trainer.train()
    (folder / "model").mkdir()
    save_trained(trainer, "", "", folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def as_on_the_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model with its processor's files in the form that Qwen's own folders on the hub have."""
    folder = tmp_path_factory.mktemp("hub") / "vlm"
    shutil.copytree(EMBEDDED, folder)
    images = json.loads((folder / "processor_config.json").read_text())["image_processor"]
    size = images.pop("size")
    images |= {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
    images["processor_class"] = "Qwen2_5_VLProcessor"
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    for name in ("processor_config.json", "chat_template.jinja"):
        (folder / name).unlink()
    return folder


def probe(torchvision: str, path: str, out: Path, folders: list[Path]) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), path]))}
    command = [sys.executable, "-m", "tests.folder_probe", torchvision, str(out), *map(str, folders)]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def answer(process: "subprocess.Popen[str]") -> dict[str, dict[str, Any]]:
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    found: dict[str, dict[str, Any]] = json.loads(output.split("FOUND ")[1])
    return found


def test_plain_transformers_loads_every_folder_and_torchvision_changes_no_input_no_reply_and_no_saved_byte(
    torchvision: str, champion: Path, as_on_the_hub: Path, tmp_path: Path
) -> None:
    folders = [EMBEDDED, champion, as_on_the_hub]
    both = [probe(kind, torchvision, tmp_path / kind, folders) for kind in ("with", "without")]
    installed, missing = (answer(process) for process in both)
    for folder in map(str, folders):
        plain = installed[folder].pop("plain")
        assert plain["classes"] == STOCK
        assert plain["video"] == [8, 2]
        assert installed[folder] == missing[folder]
        seen = missing[folder]["ours"]
        assert seen["padding"] == "left"
        assert plain["ids"] == seen["ids"][0]
        assert plain["reply"] == seen["reply"] != ""
        assert '"processor_class": "Qwen2_5_VLProcessor"' in missing[folder]["saved"]["processor_config.json"]
    assert missing[str(EMBEDDED)]["ours"]["reply"] != missing[str(champion)]["ours"]["reply"]
    saved = [missing[str(folder)]["saved"]["processor_config.json"] for folder in (EMBEDDED, champion)]
    assert saved == [(EMBEDDED / "processor_config.json").read_text()] * 2


@pytest.mark.slow
def test_plain_transformers_loads_a_folder_of_every_family_and_torchvision_changes_nothing_in_our_use(
    torchvision: str, tmp_path: Path
) -> None:
    folders = [save_small(kind, tmp_path / kind) for kind in SMALL]
    both = [probe(kind, torchvision, tmp_path / f"saved {kind}", folders) for kind in ("with", "without")]
    installed, missing = (answer(process) for process in both)
    for kind, folder in zip(SMALL, map(str, folders), strict=True):
        plain, parts = installed[folder].pop("plain"), find_family(kind).parts()
        images = parts.images.__name__.removesuffix("Pil")
        names = [parts.processor.__name__, images, *filter(None, [parts.videos])]
        assert plain["classes"] == [f"transformers:{name}" for name in names]
        assert plain["model"] == json.loads((Path(folder) / "config.json").read_text())["architectures"][0]
        assert installed[folder] == missing[folder]
        assert plain["ids"] == missing[folder]["ours"]["ids"][0]
