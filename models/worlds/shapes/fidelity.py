"""Measures the embedded models against the world's truth: the figures of their model cards.

Scenes come from seeds that no training, pool or benchmark uses. The parser reads the pictures; the public loaders load
the models.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from PIL import Image

from models.pipelines.editor import DiffusersEditor
from models.pipelines.painter import DiffusersPainter
from models.prompt_reader import Prompt
from models.rewards import SentenceReward
from models.similarity import load_similarity
from models.vlm import Vlm
from models.worlds.shapes import grammar
from models.worlds.shapes.editing import draw_edit
from models.worlds.shapes.examples import Example, predict_example, refine_example
from models.worlds.shapes.parser import read_cells, read_scene
from models.worlds.shapes.prompts import PROMPTS
from models.worlds.shapes.scene import COARSE, Scene, render, sample_scene
from models.worlds.shapes.text_encoder import shuffled_caption
from viper.settings import DiffusionSettings, ModelSettings, RewardSettings

_SEED = 7_000_001


def _read(picture: Image.Image) -> Scene | None:
    try:
        return read_scene(np.asarray(picture.convert("RGB")))
    except ValueError:
        return None


def measure_painter(settings: DiffusionSettings, count: int) -> dict[str, float]:
    """Share of captions whose painting reads back as exactly the captioned scene."""
    rng = np.random.default_rng([_SEED, 1])
    scenes = [sample_scene(rng) for _ in range(count)]
    pictures = DiffusersPainter(settings).paint([shuffled_caption(scene, rng) for scene in scenes], list(range(count)))
    exact = [_read(picture) == scene for picture, scene in zip(pictures, scenes, strict=True)]
    return {"scenes exact": float(np.mean(exact))}


def measure_editor(settings: DiffusionSettings, count: int) -> dict[str, float]:
    """Share of edits that read back exactly, by kind, and share of untouched objects that stay as they were."""
    rng = np.random.default_rng([_SEED, 2])
    drawn = [draw_edit(rng) for _ in range(count)]
    pictures = DiffusersEditor(settings).edit(
        [Image.fromarray(before) for before, _, _, _ in drawn],
        [grammar.say_operation(operation, rng) for _, _, operation, _ in drawn],
        list(range(count)),
    )
    exact: dict[str, list[bool]] = defaultdict(list)
    kept: list[bool] = []
    for picture, (_, _, operation, scene) in zip(pictures, drawn, strict=True):
        exact[operation.kind].append(_read(picture) == operation.apply(scene))
        cells = read_cells(np.asarray(picture))
        kept += [cells[thing.cell] == thing for thing in scene.things if thing.cell not in operation.cells]
    every = [one for values in exact.values() for one in values]
    by_kind: dict[str, float] = {kind: float(np.mean(exact[kind])) for kind in grammar.OPERATION_KINDS}
    return {"edits exact": float(np.mean(every)), "untouched objects kept": float(np.mean(kept)), **by_kind}


def measure_vlm(vlm: Vlm, similarity: ModelSettings, count: int) -> dict[str, float]:
    """What the VLM says: facts of greedy captions by kind of word, and mean rewards of sampled CSR and VOP answers."""
    figures = _caption_accuracy(vlm, count)
    judge = SentenceReward(load_similarity(similarity), RewardSettings(coverage_weight=0.5))
    for name, draw in (("CSR", refine_example), ("VOP", predict_example)):
        rng = np.random.default_rng([_SEED, 4, len(name)])
        examples = [draw(rng, 0.0) for _ in range(count)]
        replies = _ask(vlm, examples)
        truths = [grammar.sentences(one.answer) for one in examples]
        parts = judge.score(replies, truths, [True] * len(replies))
        figures[f"{name} reward"] = float(np.mean([part.total for part in parts]))
    return figures


def _ask(vlm: Vlm, examples: Sequence[Example]) -> list[str]:
    asked = [Prompt(one.prompt, tuple(Image.fromarray(image) for image in one.images)) for one in examples]
    return vlm.generate(asked, max_new_tokens=80, batch=64, temperature=1.0, seeds=range(len(asked)))


def _caption_accuracy(vlm: Vlm, count: int) -> dict[str, float]:
    rng = np.random.default_rng([_SEED, 3])
    scenes = [sample_scene(rng) for _ in range(count)]
    pictures = [Image.fromarray(render(scene, rng)) for scene in scenes]
    asked = [Prompt(PROMPTS.caption, (picture,)) for picture in pictures]
    right, total = Counter[str](), Counter[str]()
    for scene, reply in zip(scenes, vlm.generate(asked, max_new_tokens=80, batch=64), strict=True):
        said = {thing.cell: thing for thing in grammar.read_caption(reply)}
        for thing in scene.things:
            total["position"] += 1
            right["position"] += thing.cell in said
            for name in ("size", "color", "shape"):
                word = getattr(thing, name)
                kind = f"fine {name}" if word in COARSE else name
                total[kind] += 1
                right[kind] += thing.cell in said and getattr(said[thing.cell], name) == word
    return {
        kind: right[kind] / total[kind] for kind in ("position", "size", "color", "fine color", "shape", "fine shape")
    }
