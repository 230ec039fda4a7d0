"""Folders of this machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from viper.environment import scratch_folder

HOLDS = """
import sys
from viper.environment import scratch_folder
with scratch_folder() as folder:
    (folder / "large.bin").write_bytes(b"x")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().decode().strip())
        with scratch_folder() as folder:
            assert (left / "large.bin").exists()
        assert not folder.exists()
        other.kill()
    with scratch_folder() as folder:
        assert not left.exists()
        assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]
    assert list(folder.parent.iterdir()) == []
