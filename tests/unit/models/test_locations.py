"""What decides a model's weights."""

import hashlib
from pathlib import Path

from models.locations import fingerprint, resolve_commit

COMMIT = "0123456789abcdef" * 2 + "01234567"


def test_a_folder_counts_by_the_names_and_bytes_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    files = {"config.json": b"{}", "part/model.safetensors": b"weights"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    listed = b"".join(name.encode() + b"\0" + hashlib.sha256(content).digest() for name, content in files.items())
    first = fingerprint(str(tmp_path), "main")
    assert first == hashlib.sha256(listed).hexdigest()
    (tmp_path / "README.md").write_text("a card decides no weights")
    assert fingerprint(str(tmp_path), COMMIT) == first
    (tmp_path / "config.json").write_bytes(b"[]")
    assert fingerprint(str(tmp_path), "main") != first


def test_an_embedded_model_counts_as_its_folder() -> None:
    assert len(fingerprint("shapes:vlm", "main")) == 64
    assert fingerprint("shapes:vlm", "main") != fingerprint("shapes:painter", "main")


def test_a_hub_model_counts_by_name_and_commit() -> None:
    assert fingerprint("owner/name", COMMIT) == f"owner/name@{COMMIT}"


def test_a_commit_is_itself_and_nobody_is_asked() -> None:
    assert resolve_commit("owner/name", COMMIT) == COMMIT
