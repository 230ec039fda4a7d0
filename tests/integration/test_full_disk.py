"""A disk that is full: one clear line, nothing torn, and the same commit succeeds once there is space."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.maintenance import verify
from storage.objects import ObjectStore
from viper.errors import StoreError, StoreUnavailable

pytestmark = pytest.mark.integration


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], capture_output=True, check=False)
    if mount.returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("as_file", [False, True], ids=["bytes", "a file"])
def test_a_full_disk_is_said_in_one_line_and_the_commit_succeeds_later(
    disk: Path, tmp_path: Path, as_file: bool
) -> None:
    store = ObjectStore(str(disk / "store"))
    first = store.commit("results/a/1", "a", {"x": os.urandom(2**20)})
    (disk / "filler").write_bytes(b"x" * 5 * 2**20)
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(3 * 2**20))
    content = large if as_file else large.read_bytes()
    with pytest.raises(StoreError) as caught:
        store.commit("results/a/2", "a", {"large": content, "small": b"x"})
    assert not isinstance(caught.value, StoreUnavailable), "asking again does not help"
    assert "the disk is full or over quota. Free space and resume" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.find("results/a/2") is None
    assert list((disk / "store" / "tmp").iterdir()) == []
    assert store.damaged(first) == ()

    (disk / "filler").unlink()
    second = store.commit("results/a/2", "a", {"large": content, "small": b"x"})
    assert store.read(second, "large") == large.read_bytes()
    assert list(verify(store)) == []
    with pytest.raises(StoreError, match="GiB are free"):
        store.probe(min_free_bytes=2**30)
