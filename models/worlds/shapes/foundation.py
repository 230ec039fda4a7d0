"""Makes the four embedded models from nothing, and measures them.

Each training keeps its progress in a folder and continues from it, so it can be stopped and started again.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

SEED = 7
STEPS = {"text_encoder": 1000, "painter": 4700, "editor": 5000, "similarity": 1500, "vision": 300}
"""Optimizer steps of each training, of the editor's in each pass; the VLM's language stage has its own phases."""


def trainings(work: Path, weights: Path) -> Mapping[str, Callable[[], None]]:
    """The trainings in order, by name.

    Args:
        work: Folder for resumable progress.
        weights: Folder that the models go to.
    """
    return {
        "similarity": partial(make_similarity, work, weights / "similarity", SEED),
        "painter": partial(make_painter, work, weights / "painter", SEED),
        "editor": partial(make_editor, work, weights / "painter", weights / "editor", SEED),
        "vlm": partial(make_vlm, work, weights / "vlm", SEED),
    }


def measure(scenes: int) -> Iterator[tuple[str, str, float]]:
    """Figures of the shipped models on held-out scenes, as their model cards state them: model, what, value."""
    for name in ("similarity", "painter", "editor", "vlm"):
        for what, value in _figures(name, scenes).items():
            yield name, what, value
    for name, counts in _known_pictures(SEED).items():
        for what, count in counts.items():
            yield name, what, float(count)


def make_similarity(work: Path, folder: Path, seed: int) -> None:
    """A SentenceTransformer folder."""
    from models.worlds.shapes.paraphrase import train_similarity

    train_similarity(work, folder, seed, STEPS["similarity"])


def make_painter(work: Path, folder: Path, seed: int) -> None:
    """A text-to-image pipeline folder, in half precision."""
    from models.worlds.shapes.painting import train_painter
    from models.worlds.shapes.text_encoder import train_text_encoder

    encoder, _ = train_text_encoder(work, seed, STEPS["text_encoder"])
    pipeline, _ = train_painter(work, encoder, seed, STEPS["painter"])
    _save_half(pipeline, folder)


def make_editor(work: Path, painter: Path, folder: Path, seed: int) -> None:
    """An instruction-editing pipeline folder, in half precision, started from the painter."""
    import torch
    from diffusers import PRXPixelPipeline

    from models.worlds.shapes.editing import train_editor

    start = PRXPixelPipeline.from_pretrained(str(painter), dtype=torch.float32)
    pipeline, _ = train_editor(work, start.text_encoder, start.transformer, seed, STEPS["editor"])
    _save_half(pipeline, folder)


def make_vlm(work: Path, folder: Path, seed: int) -> None:
    """A Qwen2.5-VL folder."""
    from models.worlds.shapes.seeing import PHASES, train_vlm
    from models.worlds.shapes.vlm import save_vlm

    vlm, tokenizer, _ = train_vlm(work, seed, STEPS["vision"], PHASES)
    save_vlm(vlm, tokenizer, folder)


def _save_half(pipeline: object, folder: Path) -> None:
    import torch

    pipeline.to(dtype=torch.float16)  # type: ignore[attr-defined]
    pipeline.save_pretrained(str(folder), safe_serialization=True)  # type: ignore[attr-defined]
    # Where the parts were loaded from says nothing to anybody else.
    for path in folder.rglob("*.json"):
        values = json.loads(path.read_text())
        if isinstance(values, dict) and values.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(values, indent=2) + "\n")


def _figures(name: str, scenes: int) -> dict[str, float]:
    """Figures of one shipped model on held-out scenes."""
    from models.vlm import load_vlm
    from models.worlds.shapes import fidelity, paraphrase
    from viper.profiles import load_profile

    models = load_profile("shapes").models
    if name == "painter":
        return fidelity.measure_painter(models.painter, scenes)
    if name == "editor":
        return fidelity.measure_editor(models.editor, scenes)
    if name == "vlm":
        return fidelity.measure_vlm(load_vlm(models.vlm), models.similarity, scenes)
    from models.locations import resolve

    table = paraphrase.measure(Path(resolve(models.similarity.path)), 1, scenes)
    return {f"{kind}: {what}": value for kind, row in table.items() for what, value in row.items()}


def _known_pictures(seed: int) -> dict[str, dict[str, int]]:
    """By model: pictures that its training drew, and how many of them equal a picture of the suites in every pixel.

    The trainings are drawn again from their seeds, so this takes minutes. Suites of all addresses are looked at.
    """
    from io import BytesIO, StringIO

    from PIL import Image

    from models.contamination import hash_pixels
    from models.suites.image_cells import image_cells
    from models.suites.tsv import read_tsv
    from models.worlds.shapes.exposure import training_pictures
    from models.worlds.shapes.suites import SETS, SUITES, write_suite

    known = {
        hash_pixels(Image.open(BytesIO(cell)).convert("RGB"))
        for address in SETS
        for suite in SUITES
        for row in read_tsv(StringIO(write_suite(suite, 0, address).decode()), suite, ("image",))
        for cell in image_cells(row)
        if isinstance(cell, bytes)
    }
    steps = {name: STEPS[name] for name in ("painter", "editor", "vision")}
    found: dict[str, dict[str, int]] = {}
    for model, picture in training_pictures(seed, **steps):
        counts = found.setdefault(model, {"pictures drawn": 0, "of them in a suite": 0})
        counts["pictures drawn"] += 1
        counts["of them in a suite"] += hash_pixels(Image.fromarray(picture)) in known
    return found
