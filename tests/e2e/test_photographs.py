"""A whole round on photographs, with a VLM that writes everything itself: to a verdict, in both ways of learning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.objects import ObjectStore
from tests.photographs import write_profile
from tests.small import as_arguments

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_profile(tmp_path_factory.mktemp("photographs"))


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
    code = "from commands.cli import main; main()"
    command = [sys.executable, "-c", code, "evolve", "--profile", str(profile), *as_arguments(settings)]
    environment = {**os.environ, "VIPER_HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect")}
    process = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=1000, check=False)
    said = process.stdout + process.stderr
    assert process.returncode == 0, said
    assert "Round 1: " in said
    store = ObjectStore(str(tmp_path / "store"))
    kinds = [ref.kind for key in store.list("results/model") if (ref := store.find(key))]
    assert kinds == [made, made]
    for lesson in ("csr", "vop"):
        assert next(iter(store.list(f"evolutions/tiny-photographs/rounds/0001/datasets/{lesson}")))
