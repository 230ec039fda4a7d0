"""Nothing that a round learns from, and nothing that decides about it, knows the truth of its pictures."""

import ast
from pathlib import Path

import pytest

from tests.structure.test_rooms import FILES, imports, inside, module_of, name_of, tree_of

TRUTH = {
    "models.ablation",
    "models.measured",
    "tasks.against_truth",
    "tasks.ceiling",
    "flows.against_truth",
    "flows.ceiling",
}
"""What asks an observer or the truth, or is made of what they say."""
MAY = {
    "tasks/report.py": {"tasks.against_truth"},
    "tasks/against_truth.py": {"models.measured"},
    "flows/against_truth.py": {"tasks.against_truth", "models.measured"},
    "flows/ceiling.py": {"tasks.ceiling"},
    "flows/ablate.py": {"models.ablation", "tasks.against_truth", "flows.against_truth", "flows.ceiling"},
    "flows/arms.py": {"models.ablation"},
    "models/ablation.py": {"models.measured"},
    "tasks/ablation.py": {"models.ablation", "tasks.against_truth"},
    "tasks/ablation_plot.py": {"models.ablation"},
    "commands/judge.py": {"flows.against_truth", "tasks.against_truth"},
    "commands/summary.py": {"models.ablation"},
}
"""Who may import it: the report, which is written when all is decided and read by people; ablations; the command."""
ASKERS = {
    "tasks/against_truth.py": "observer",
    "tasks/ceiling.py": "truth",
    "tasks/planting.py": "observer",
    "flows/truth.py": "observer",
}
"""Planting stands in the walk of a round, for ablations: another test shows that no other round comes there."""
DECIDERS = ["flows.synthesis", "tasks.training", "tasks.verdict", "tasks.promotion", "flows.approval"]
IMPORTED = {module_of(path): set(imports(path)) for path in FILES}


def reached(module: str, seen: set[str]) -> set[str]:
    """Every module of ours that a module imports, at any distance, and itself."""
    if module not in seen and module in IMPORTED:
        seen.add(module)
        for name in IMPORTED[module]:
            reached(name, seen)
    return seen


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_truth_is_imported_by_measurements_and_ablations_alone(path: Path) -> None:
    found = {module for name in IMPORTED[module_of(path)] for module in TRUTH if inside(name, module)}
    assert found <= MAY.get(name_of(path), set())


def test_nobody_else_asks_a_world_what_its_pictures_show() -> None:
    found = {}
    for path in FILES:
        nodes = list(ast.walk(tree_of(path)))
        called = [node.func for node in nodes if isinstance(node, ast.Call)]
        asked = {node.attr for node in called if isinstance(node, ast.Attribute)} & {"truth"}
        asked |= {node.attr for node in nodes if isinstance(node, ast.Attribute)} & {"observer"}
        if asked and not name_of(path).startswith("models/worlds/"):
            found[name_of(path)] = " ".join(sorted(asked))
    assert found == ASKERS


@pytest.mark.parametrize("module", DECIDERS)
def test_what_makes_data_trains_and_decides_does_not_reach_it(module: str) -> None:
    found = reached(module, set())
    assert found & TRUTH == set()
    assert len(found) > 5
