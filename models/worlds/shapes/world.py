"""The embedded world, as the loop knows it."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from models.pipelines.family import PipelineFamily
from models.registry import look_up
from models.worlds.shapes import grammar, operations
from models.worlds.shapes import suites as questions
from models.worlds.shapes.observer import SceneObserver
from models.worlds.shapes.pool import png
from models.worlds.shapes.prompts import PROMPTS
from models.worlds.shapes.scene import render, sample_scene
from models.worlds.shapes.truth import true_refinements
from models.worlds.world import World
from viper.errors import ModelError, PoolError, SuiteError

WEIGHTS = Path(__file__).resolve().parent / "weights"
MODELS = ("vlm", "painter", "editor", "similarity")
POOL = "shapes:"
BRIDGE = PipelineFamily(
    name="bridge",
    classes=("BridgeEditPipeline",),
    roles=("editor",),
    multiple_px=16,
    parts=("text_encoder", "tokenizer", "scheduler", "transformer"),
    text=None,  # 64 tokens, and no operation has as many words
    sizes={},
    seeded=False,
)
"""How the embedded editor is called: it has no guidance, no noise, and works at its sources' size."""


class GrammarRules:
    """Rules over the model's own words. They look at nothing else."""

    version = 1

    rewrite = staticmethod(grammar.rewrite)
    write_operations = staticmethod(operations.write_operations)
    ask_whether = staticmethod(operations.ask_whether)


class Shapes(World):
    """Pictures of one to four things on a 3 x 3 grid, spoken of in a small language."""

    name = "shapes"
    prompts = PROMPTS
    suites = questions.SUITES
    rules = GrammarRules()
    observer = SceneObserver()

    @override
    def model_folder(self, name: str) -> Path:
        if name not in MODELS:
            raise ModelError(f"There is no embedded model {name!r}. Known: {', '.join(MODELS)}.")
        if not any((WEIGHTS / name).rglob("*.safetensors")):
            raise ModelError(f"The weights of shapes:{name} are missing in {WEIGHTS / name}. Run `viper foundation`.")
        return WEIGHTS / name

    @override
    def draw_picture(self, address: str, seed: int, number: int) -> bytes:
        if address != POOL:
            raise PoolError(f"The embedded world has no pool {address!r}. Expected {POOL!r}.")
        rng = np.random.default_rng([seed, 100, number])
        return png(render(sample_scene(rng), rng))

    @override
    def check_suites(self, address: str) -> None:
        if address not in questions.SETS:
            raise SuiteError(f"There are no suites {address!r}. The embedded world has: {', '.join(questions.SETS)}.")

    @override
    def suite_rows(self, address: str, suite: str, limit: int) -> Iterator[Mapping[str, Any]]:
        self.check_suites(address)
        name = look_up(self.suites, suite, "suite", SuiteError).name
        return csv.DictReader(io.StringIO(questions.write_suite(name, limit, address).decode()), delimiter="\t")

    @override
    def truth(self, picture: NDArray[np.uint8], caption: str, rng: np.random.Generator) -> tuple[str, str]:
        return true_refinements(picture, caption, rng)

    @override
    def pipeline_classes(self) -> Mapping[str, type]:
        from models.worlds.shapes.bridge_pipeline import BridgeEditPipeline

        return {"BridgeEditPipeline": BridgeEditPipeline}

    @override
    def pipeline_families(self) -> Sequence[PipelineFamily]:
        return (BRIDGE,)

    @override
    def foundation(self, work: Path) -> Mapping[str, Callable[[], None]]:
        from models.worlds.shapes import foundation

        return foundation.trainings(work, WEIGHTS)

    @override
    def measure(self, scenes: int) -> Iterator[tuple[str, str, float]]:
        from models.worlds.shapes import foundation

        return foundation.measure(scenes)
