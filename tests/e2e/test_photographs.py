"""Whole rounds on photographs, with a VLM that writes everything itself: to a verdict, in both ways of learning."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from storage.objects import ObjectStore
from tests.photographs import write_profile
from tests.small import as_arguments
from viper.records import RoundResult

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

IMAGES = 12
"""That the profile takes; one edit is asked for of each."""


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_profile(tmp_path_factory.mktemp("photographs"))


def evolve(profile: Path, home: Path, settings: list[str]) -> tuple[str, ObjectStore]:
    """What the command says, and the store that it leaves."""
    code = "from commands.cli import main; main()"
    command = [sys.executable, "-c", code, "evolve", "--profile", str(profile), *as_arguments(settings)]
    environment = {**os.environ, "VIPER_HOME": str(home), "PREFECT_HOME": str(home / "prefect")}
    process = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=1000, check=False)
    said = process.stdout + process.stderr
    assert process.returncode == 0, said
    assert "Round 1: " in said
    return said, ObjectStore(str(home / "store"))


def reasons(store: ObjectStore, product: str) -> Counter[str]:
    """How often each reason was given, over all shards."""
    metas = [store.manifest(ref).meta for key in store.list(f"results/{product}") if (ref := store.find(key))]
    return sum((Counter(meta["reasons"]) for meta in metas), Counter())


def datasets(store: ObjectStore) -> list[str]:
    """The lessons that have a dataset version."""
    return sorted({key.split("/")[-2] for key in store.list("evolutions/tiny-photographs/rounds/0001/datasets")})


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        ([], "adapter"),
        pytest.param(
            ["judge.kind='pixels'", "judge.path=''", "training.method='full'"], "model", marks=pytest.mark.slow
        ),
    ],
    ids=["features, LoRA", "pixels, full"],
)
def test_a_round_on_photographs_ends_in_a_verdict(
    profile: Path, tmp_path: Path, settings: list[str], made: str
) -> None:
    _, store = evolve(profile, tmp_path, settings)
    kinds = [ref.kind for key in store.list("results/model") if (ref := store.find(key))]
    assert kinds == [made, made]
    assert datasets(store) == ["csr", "vop"]
    for product in ("refinements", "operations"):
        assert reasons(store, product).total() == IMAGES, reasons(store, product)


@pytest.mark.slow
def test_a_round_whose_vlm_writes_no_operations_learns_from_its_critiques(tmp_path: Path) -> None:
    # A cooler VLM strays less often from what it has learned to say; what it strays into is too little to learn from.
    settings = ["synthesis.critique_temperature=0.6", "filter.min_samples=2"]
    said, store = evolve(write_profile(tmp_path, ["Nothing to correct."]), tmp_path / "home", settings)
    assert datasets(store) == ["csr"]
    found = reasons(store, "operations")
    assert found.total() == IMAGES
    assert found["wrote no operations"] >= IMAGES - 1
    why = f"samples of {IMAGES}; filter.min_samples is 2. Reasons: {found['wrote no operations']} wrote no operations"
    line = next(line for line in said.splitlines() if line.startswith("Round 1: "))
    assert "Nothing is learned of vop: the filter left" in line
    assert why in line
    ref = store.find("evolutions/tiny-photographs/rounds/0001/verdict")
    assert ref is not None
    result = RoundResult.model_validate(json.loads(store.read(ref, "round.json")))
    assert result.verdict.decision != "collapse"
    assert result.candidate != result.base
    assert why in store.read(result.report, "report.html").decode()
