"""Loads VLM folders in a process of its own, where torchvision is importable or hidden, and prints what comes out.

python -m tests.folder_probe with|without OUT FOLDER…    (OUT: where the processors are saved again)
"""

import json
import sys
import types
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

QUESTION = "describe the image."
CUDA_OPERATORS: list[Any] = []
"""Kept alive: an operator goes when its library object goes."""


def hide_torchvision() -> None:
    sys.modules["torchvision"] = None  # type: ignore[assignment]


def make_torchvision_importable() -> None:
    """Let a torch for the CPU import a torchvision built for CUDA, whose compiled operators nothing here calls."""
    import torch

    if torch.version.cuda is None:
        CUDA_OPERATORS.append(torch.library.Library("torchvision", "DEF"))
        CUDA_OPERATORS[0].define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        name = "torchvision._meta_registrations"
        sys.modules[name] = types.ModuleType(name)
    import torchvision.transforms.v2.functional  # noqa: F401


def pictures() -> list[Any]:
    """A picture of the world, and one that has to be resized."""
    from PIL import Image

    first, second = Image.new("RGB", (48, 48), (127, 127, 127)), Image.new("RGB", (90, 64), (127, 127, 127))
    first.paste((220, 30, 30), (4, 4, 12, 12))
    second.paste((30, 200, 200), (8, 20, 40, 50))
    return [first, second]


def ours(folder: str) -> dict[str, Any]:
    """What the project's own loader makes of prompts with one and with two pictures."""
    from models.prompt_reader import Prompt
    from models.vlm import load_vlm
    from viper.settings import VlmSettings

    vlm = load_vlm(VlmSettings(path=folder, dtype="float32", device="cpu"))
    one, two = pictures()
    inputs = [vlm.inputs([Prompt(QUESTION, shown)]) for shown in ((one,), (one, two))]
    return {
        "ids": [each["input_ids"].tolist() for each in inputs],
        "pixels": [sha256(each["pixel_values"].numpy().tobytes()).hexdigest() for each in inputs],
        "padding": vlm.processor.tokenizer.padding_side,
        "reply": vlm.generate([Prompt(QUESTION, (one,))], max_new_tokens=48, batch=1)[0],
    }


def plain(folder: str) -> dict[str, Any]:
    """What transformers makes of the folder without any code of ours."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    content = [{"type": "image", "image": pictures()[0]}, {"type": "text", "text": QUESTION}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    whole = model.generate(**inputs, max_new_tokens=48, do_sample=False)
    said = processor.batch_decode(whole[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    parts = [processor, *(getattr(processor, f"{kind}_processor", None) for kind in ("image", "video"))]
    return {
        "classes": [f"{type(part).__module__.partition('.')[0]}:{type(part).__name__}" for part in parts if part],
        "model": type(model).__name__,
        "video": [getattr(parts[-1], name, None) for name in ("patch_size", "merge_size")],
        "ids": inputs["input_ids"].tolist(),
        "reply": said[0].strip(),
    }


def saved_again(folder: str, out: Path) -> dict[str, str]:
    """The files of the folder's processor, loaded and saved again by the project."""
    from models.vlm import load_processor

    load_processor(folder).save_pretrained(out)
    return {path.name: path.read_text() for path in sorted(out.iterdir())}


def main(torchvision: str, out: str, *folders: str) -> None:
    if torchvision == "with":
        make_torchvision_importable()
    else:
        hide_torchvision()
    assert (find_spec("torchvision") is not None) == (torchvision == "with")
    found = {}
    for number, folder in enumerate(folders):
        again = Path(out) / str(number)
        found[folder] = {"ours": ours(folder), "saved": saved_again(folder, again)}
        if torchvision == "with":
            found[folder]["plain"] = plain(folder)
    print("FOUND", json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
