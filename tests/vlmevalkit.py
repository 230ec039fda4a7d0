"""VLMEvalKit's own code on rows of ours: a program, so that what it needs and patches stays in a process of its own.

python -m tests.vlmevalkit HOME < JOB

``HOME`` is a clone of its repository. ``JOB`` is JSON by suite: rows in its columns with ``prediction``. The answer is
JSON by suite: ``scores``, what its ``evaluate`` reports, and ``prompts``, the rows as its ``build_prompt`` puts them.
Libraries that it imports and that are not here are stood in for: scoring by exact matching uses none of them.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys
import tempfile
import types
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

SUITES = {
    "MMStar": ("image_mcq", "ImageMCQDataset"),
    "RealWorldQA": ("image_mcq", "ImageMCQDataset"),
    "BLINK": ("image_mcq", "ImageMCQDataset"),
    "MME-RealWorld": ("image_mcq", "MMERealWorld"),
    "HallusionBench": ("image_yorn", "ImageYORNDataset"),
    "CRPE_EXIST": ("image_vqa", "CRPE"),
    "CRPE_RELATION": ("image_vqa", "CRPE"),
}


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds whatever VLMEvalKit asks for and is not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        frame = sys._getframe(1)
        while frame.f_back and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        asks = str(frame.f_globals.get("__name__", ""))
        stands_in = hasattr(sys.modules.get(name.partition(".")[0]), "stands_in")
        if name.startswith("vlmeval") or not (asks.startswith("vlmeval") or stands_in):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module: Any = types.ModuleType(spec.name)
        module.__path__, module.stands_in = [], True
        module.__getattr__ = lambda attribute: MagicMock(name=attribute)
        module.url = lambda text: False  # of ``validators``: no file of ours is an address
        return module  # type: ignore[no-any-return]

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def package(home: Path, name: str) -> None:
    """A package without what its ``__init__`` would import: here, all benchmarks of VLMEvalKit."""
    module: Any = types.ModuleType(name)
    module.__path__ = [str(home.joinpath(*name.split(".")))]
    module.__getattr__ = lambda attribute: MagicMock(name=attribute)
    sys.modules[name] = module


def run(suite: str, rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """What VLMEvalKit makes of one suite."""
    import pandas as pd

    file, kind = SUITES[suite]
    dataset = object.__new__(getattr(import_module(f"vlmeval.dataset.{file}"), kind))
    dataset.dataset_name, dataset.meta_only, dataset.img_root = suite, True, str(folder)
    replies = folder / f"{suite}.tsv"
    pd.DataFrame(rows).to_csv(replies, sep="\t", index=False)
    table = pd.read_csv(replies, sep="\t")
    dataset.data = table.drop(columns="prediction")
    prompts = [dataset.build_prompt(line)[-1]["value"] for _, line in table.iterrows()]
    scores = dataset.evaluate(str(replies), model="exact_matching")
    if isinstance(scores, pd.DataFrame):
        scores = scores.to_dict(orient="records")
    return {"scores": scores, "prompts": prompts}


def main() -> None:
    """Read the job, print the answer."""
    home, job = Path(sys.argv[1]), json.load(sys.stdin)
    answer_to = os.dup(1)
    os.dup2(2, 1)  # what it prints is no answer
    os.environ |= {"PRED_FORMAT": "tsv", "EVAL_FORMAT": "json"}  # its default needs Excel files
    package(home, "vlmeval.dataset")
    sys.path.insert(0, str(home))
    sys.meta_path.append(StandIns())
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"LMUData": folder}  # or it makes one in the home folder
        found = {suite: run(suite, rows, Path(folder)) for suite, rows in job.items()}
    os.write(answer_to, json.dumps(found, default=float).encode())


if __name__ == "__main__":
    main()
