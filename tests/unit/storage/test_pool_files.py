"""Files of a pool: whatever lies in a folder, nothing hangs or stops, and what is set aside has a reason."""

import io
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from storage import pool_files
from storage.pool_files import list_pool, read_pool_file, version_of
from viper.errors import PoolError, StoreError, StoreUnavailable, UnusableImage


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, which reads everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def refusals(folder: Path) -> dict[str, str]:
    """Why files are set aside unread, by their path in the folder."""
    return {file.name.removeprefix(f"{folder}/"): file.refusal for file in list_pool(str(folder))}


def reading(name: str | Path) -> str:
    """The reason for which a file cannot be read."""
    with pytest.raises(UnusableImage) as refused:
        read_pool_file(str(name), 100)
    return refused.value.reason


def test_a_pool_is_listed_in_order_without_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.png", "a/2.JPG", "a/1.webp", "notes.txt", ".hidden.png", ".cache/x.png", "c.png/d.gif"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    listed = list_pool(str(tmp_path))
    assert [str(Path(file.name).relative_to(tmp_path)) for file in listed] == [
        "a/1.webp",
        "a/2.JPG",
        "b.png",
        "c.png/d.gif",
    ]
    assert read_pool_file(listed[0].name, 100) == b"a/1.webp"
    assert len(read_pool_file(listed[0].name, 3)) == 4
    Path(listed[2].name).write_bytes(b"another picture")
    changed = {file.name: file.version for file in list_pool(str(tmp_path))}
    assert [file.name for file in listed if changed[file.name] != file.version] == [listed[2].name]
    assert {name: version_of(name) for name in changed} == changed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty", "There are no images in .*empty"),
        ("missing", "There is no folder .*missing for the pool"),
        ("file.png", "The pool .*file.png is a file"),
        ("loop", "There is no folder .*loop for the pool"),
    ],
)
def test_a_pool_without_images_is_refused(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(PoolError, match=said):
        list_pool(str(tmp_path / name))


def test_what_is_no_file_is_set_aside_and_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside.png").write_bytes(b"inside")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "to-folder.png").symlink_to(tmp_path / "folder")
    (tmp_path / "to-itself.png").symlink_to(tmp_path)
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "linked.png").symlink_to(tmp_path / "folder" / "inside.png")
    (tmp_path / "empty.png").touch()
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
    found = refusals(tmp_path)
    irregular = {"pipe", "dangling", "loop", "to-folder", "to-itself", "device", "socket"}
    assert {name for name, reason in found.items() if reason} == {f"{name}.png" for name in irregular}
    assert set(found.values()) == {"", "not a regular file"}
    assert set(found) - {f"{name}.png" for name in irregular} == {"linked.png", "empty.png", "folder/inside.png"}
    assert read_pool_file(str(tmp_path / "linked.png"), 100) == b"inside"
    assert version_of(str(tmp_path / "linked.png")) == version_of(str(tmp_path / "folder" / "inside.png"))
    assert read_pool_file(str(tmp_path / "empty.png"), 100) == b""
    # Had they been files when they were listed:
    assert reading("pipe.png") == reading("device.png") == reading("folder") == "not a regular file"
    assert reading("nowhere.png") == "changed since the round began"
    assert reading("socket.png") == reading("loop.png") == "unreadable"


@pytest.mark.parametrize(
    "name", ["a::b.png", "a\nb.png", "a b.png", "#?%20&=.png", "ä漢🎈.png", "-rf.png", "~.png", "'\"\\.png", "s3:.png"]
)
def test_any_name_in_utf_8_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(name.encode())
    (file,) = list_pool(str(tmp_path))
    assert (file.name, file.refusal, file.version) == (str(tmp_path / name), "", version_of(file.name))
    assert read_pool_file(file.name, 100) == name.encode()


def test_a_name_that_is_not_utf_8_is_set_aside_under_a_name_that_can_be_stored(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xe4")
    for name in (b"caf\xe9.png", b"\xe4/a.png"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    assert refusals(tmp_path) == {r"caf\xe9.png": "name is not UTF-8", r"\xe4/a.png": "name is not UTF-8"}
    assert [file.model_dump_json() for file in list_pool(str(tmp_path))]


def test_a_folder_below_a_thousand_others_is_looked_into(tmp_path: Path) -> None:
    folders = [f"{tmp_path}{'/a' * depth}" for depth in range(1, 1100)]
    for folder in folders:
        os.mkdir(folder)
    deepest = Path(folders[-1], "x.png")
    deepest.touch()
    assert [file.name for file in list_pool(str(tmp_path))] == [str(deepest)]
    deepest.unlink()  # pytest cannot clear so deep a folder away
    for folder in reversed(folders):
        os.rmdir(folder)


def test_what_its_owner_keeps_from_us_is_set_aside(open_folder: Path) -> None:
    (open_folder / "closed").mkdir(mode=0o700)
    (open_folder / "closed" / "a.png").touch()
    (open_folder / "into-closed.png").symlink_to(open_folder / "closed" / "a.png")
    (open_folder / "own.png").touch()
    os.chmod(open_folder / "own.png", 0o000)
    os.chmod(open_folder / "closed", 0o000)
    with as_nobody():
        assert refusals(open_folder) == {"closed": "unreadable", "into-closed.png": "unreadable", "own.png": ""}
        assert reading(open_folder / "own.png") == "unreadable"
        with pytest.raises(StoreError, match=r"Cannot list the images in .*closed.*folder's owner and mode"):
            list_pool(str(open_folder / "closed"))
    os.chmod(open_folder / "closed", 0o700)


def test_a_place_that_does_not_answer_is_no_fault_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> int:
        raise TimeoutError("the share is away")

    (tmp_path / "a.png").touch()
    monkeypatch.setattr(pool_files.os, "open", away)
    with pytest.raises(StoreUnavailable, match=r"a\.png"):
        read_pool_file(str(tmp_path / "a.png"), 100)


class Bucket:
    """A bucket as its filesystem shows it: keys by their size, or what is raised when they are opened."""

    keys: ClassVar[dict[str, int | Exception]] = {
        "evo/pool//a.png": 3,
        "evo/pool/b//c.PNG": 3,
        "evo/pool/./d.png": 3,
        "evo/pool/forbidden.png": PermissionError("Access Denied"),
        "evo/pool/too-odd.png": ValueError("Parameter validation failed"),
        "evo/pool/gone.png": FileNotFoundError("evo/pool/gone.png"),
        "evo/pool/away.png": TimeoutError("no answer"),
        "evo/pool/file.txt": 3,
        "evo/pool/x.png/": 0,
    }

    def find(self, root: str, detail: bool) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {key: {"size": 3, "ETag": "e", "type": "file"} for key in self.keys}
        return found | {"evo/pool/folder.png": {"size": 0, "type": "directory"}}

    def open(self, path: str, mode: str, block_size: int) -> io.BytesIO:
        found = self.keys[path]
        if isinstance(found, Exception):
            raise found
        return io.BytesIO(bytes(found))


def test_of_a_bucket_every_odd_key_is_read_or_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_files, "filesystem", lambda uri: (Bucket(), uri.removeprefix("s3://")))
    names = [file.name.removeprefix("s3://evo/pool/") for file in list_pool("s3://evo/pool")]
    assert names == ["/a.png", "away.png", "b//c.PNG", "forbidden.png", "gone.png", "too-odd.png"]
    assert read_pool_file("s3://evo/pool//a.png", 10) == bytes(3)
    assert reading("s3://evo/pool/forbidden.png") == reading("s3://evo/pool/too-odd.png") == "unreadable"
    assert reading("s3://evo/pool/gone.png") == "changed since the round began"
    with pytest.raises(StoreUnavailable, match=r"away\.png"):
        read_pool_file("s3://evo/pool/away.png", 10)
