"""What each room may know, read off the source and the loaded modules of production code."""

import ast
import importlib
import inspect
import statistics
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tasks.step import Inputs, Step
from tasks.worker import Machine, Worker
from tests.loop import cut_for, worker_for
from viper.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("commands", "flows", "tasks", "models", "storage", "viper")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
MAX_LINES, MAX_MEDIAN_LINES = 300, 110
KEYS = ("evolutions/", "results/")
TEXTS = {"commands/store.py": 1, "storage/ledger/lineage.py": 1}
"""Files that name a key's folder to people, in a help text or an error, and how often: no key is made of these."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def of_room(*rooms: str) -> list[Path]:
    return [path for path in FILES if path.relative_to(ROOT).parts[0] in rooms]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever, and every name that it takes from one."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of all texts that stand alone as a statement: docstrings of modules, functions, classes and names."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def texts(path: Path) -> Iterator[str]:
    """The text literals of a file but its docstrings; of a template string, the parts between the blanks."""
    tree = tree_of(path)
    left_out = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value


def steps() -> dict[str, Step[Any]]:
    """Every step that a module of the tasks defines, by its module and name."""
    found = {}
    for path in of_room("tasks"):
        module = importlib.import_module(module_of(path))
        for name, value in vars(module).items():
            if isinstance(value, Step) and value.compute.__module__ == module.__name__:
                found[f"{module.__name__}.{name}"] = value
    return found


STEPS = steps()
OUTSIDE_THE_WORLDS = [path for path in FILES if not name_of(path).startswith("models/worlds/")]


def inputs_of(step: Step[Any]) -> Any:
    """The annotation of what a step is given."""
    names = {**vars(importlib.import_module(step.compute.__module__)), "Worker": Worker}
    return typing.get_type_hints(step.compute, names)["inputs"]


def types_in(annotation: Any, seen: set[Any] | None = None) -> set[Any]:
    """All types that values of an annotation can hold, at any depth."""
    seen = set() if seen is None else seen
    for part in typing.get_args(annotation):
        types_in(part, seen)
    if isinstance(annotation, type) and annotation not in seen:
        seen.add(annotation)
        fields = annotation.model_fields.values() if issubclass(annotation, BaseModel) else ()
        for field in fields:
            types_in(field.annotation, seen)
    return seen


@pytest.mark.parametrize("path", of_room("tasks"), ids=name_of)
def test_no_step_can_reach_the_whole_settings_or_a_profile(path: Path) -> None:
    forbidden = ("viper.settings.Settings", "viper.settings.evolution", "viper.settings.*", "viper.profiles")
    found = [name for name in imports(path) if any(inside(name, module) for module in forbidden)]
    assert found == []
    # Nor by an attribute of the package, as in ``settings.Settings``.
    attributes = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
    assert "Settings" not in attributes


def test_all_steps_of_a_round_are_looked_at() -> None:
    kinds = {step.name for step in STEPS.values()}
    made = {"listing", "pool", "captions", "paintings", "noise", "critiques", "judgements", "unions", "refinements"}
    assert made | {"edits", "operations"} | {"dataset", "model", "suite", "hashes", "replies", "verdict"} <= kinds


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_is_a_function_of_one_frozen_record_and_a_worker(step: Step[Any]) -> None:
    parameters = inspect.signature(step.compute).parameters
    assert list(parameters) == ["inputs", "worker"]
    record = inputs_of(step)
    assert issubclass(record, Inputs)
    assert record is not Inputs
    assert record.model_config.get("frozen") is True
    assert record.model_config.get("extra") == "forbid"
    assert Settings not in types_in(record)


def test_two_steps_never_share_a_name() -> None:
    names = [step.name for step in STEPS.values()]
    assert sorted(set(names)) == sorted(names)


def test_the_look_for_settings_finds_them_at_any_depth() -> None:
    class Deep(Inputs):
        parts: dict[str, tuple[tuple[Settings, int] | None, ...]]

    class Deeper(Inputs):
        deep: Deep | None

    assert Settings in types_in(Deeper)
    assert Settings not in types_in(Machine)


def test_a_worker_holds_no_settings() -> None:
    worker = worker_for(cut_for())
    assert not any(isinstance(value, Settings) for value in vars(worker).values())
    assert Settings not in types_in(Machine)
    hints = typing.get_type_hints(Worker.__init__)
    assert Settings not in {found for hint in hints.values() for found in types_in(hint)}


@pytest.mark.parametrize("path", OUTSIDE_THE_WORLDS, ids=name_of)
def test_the_embedded_world_is_known_to_the_worlds_alone(path: Path) -> None:
    assert [name for name in imports(path) if inside(name, "models.worlds.shapes")] == []


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path) != "storage/layout.py"], ids=name_of)
def test_the_layout_alone_spells_keys(path: Path) -> None:
    found = [text for text in texts(path) if any(key in text for key in KEYS)]
    said = TEXTS.get(name_of(path), 0)
    assert len(found) == said, found
    # What is said to people is a sentence and not a part of a key.
    assert all(" " in text.strip() for text in found), found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_check_of_production_code_vanishes_with_assertions(path: Path) -> None:
    assert [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)] == []


def test_files_are_small() -> None:
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    median = statistics.median(lines.values())
    print(f"{len(lines)} files, {median:g} lines in the median, {max(lines.values())} at most")
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}
    assert median <= MAX_MEDIAN_LINES
