"""Before any work everything is asked: each set-up of the table is refused, and the one that it spoils is taken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.preflight import check, check_benchmark
from tests.setup_changes import copied, write_setup
from tests.wrong_setups import WRONG, Wrong
from viper.errors import ViperError
from viper.profiles import load_profile, override

VIPER = Path(sys.executable).parent / "viper"
ROOT = Path(__file__).resolve().parents[2]
TYPED = ("vlm-shard-missing", "judge-other-size", "similarity-nan")
"""These are asked as a person would: a file, what a library says, and what comes last."""


@pytest.fixture(scope="session")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The profile of a set-up that works."""
    return write_setup(tmp_path_factory.mktemp("setup"))


def test_a_set_up_that_works_is_taken(setup: Path) -> None:
    check(load_profile(str(setup)), 1)
    check_benchmark(load_profile(str(setup)))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_what_cannot_work_is_refused(
    wrong: Wrong, setup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))
    profile = copied(setup, tmp_path / "setup")
    changes = wrong.change(profile.parent)
    with pytest.raises(ViperError, match=wrong.said):
        check(override(load_profile(str(profile)), changes), 1)
    assert not (tmp_path / "home").exists(), "work has begun"


@pytest.mark.parametrize("wrong", [one for one in WRONG if one.name in TYPED], ids=lambda wrong: wrong.name)
def test_a_refusal_is_one_line_on_the_terminal(wrong: Wrong, setup: Path, tmp_path: Path) -> None:
    profile = copied(setup, tmp_path / "setup")
    changes = wrong.change(profile.parent)
    command = [str(VIPER), "evolve", "--profile", str(profile), *(part for one in changes for part in ("--set", one))]
    environment = {**os.environ, "VIPER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    assert str(profile.parent) in line
    assert not (tmp_path / "home" / "store").exists(), "work has begun"
