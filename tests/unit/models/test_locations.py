"""What decides a model's weights."""

import hashlib
from pathlib import Path

import httpx2
import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

from models.image_limits import pool_limits
from models.locations import fingerprint, read_description, resolve_commit
from viper.errors import ModelError

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


def test_what_a_model_of_the_hub_is_is_read_at_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(name: str, file: str, revision: str) -> str:
        assert (name, file, revision) == ("owner/editor", "model_index.json", COMMIT)
        return str(tmp_path / file)

    (tmp_path / "model_index.json").write_text('{"_class_name": "Flux2KleinPipeline"}')
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert read_description("owner/editor", COMMIT, "model_index.json") == {"_class_name": "Flux2KleinPipeline"}
    assert pool_limits(1, 1, ("shapes:vlm", ""), ("owner/editor", COMMIT)).max_aspect == 8
    (tmp_path / "model_index.json").write_text("[]")
    with pytest.raises(ModelError, match=r"model_index.json of owner/editor holds a list\. Expected an object"):
        read_description("owner/editor", COMMIT, "model_index.json")


def test_a_hub_that_does_not_answer_is_told_from_a_model_without_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    request = httpx2.Request("GET", "http://hub")
    raised: list[Exception] = []

    def fail(*_: object, **__: object) -> str:
        raise raised[0]

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    raised[:] = [RemoteEntryNotFoundError("no such file", response=httpx2.Response(404, request=request))]
    assert read_description("owner/editor", COMMIT, "model_index.json") == {}
    for away in (LocalEntryNotFoundError("no copy"), httpx2.ConnectError("no route"), TimeoutError("too late")):
        raised[:] = [away]
        with pytest.raises(ModelError, match=r"model_index\.json of owner/editor cannot be read: .* Check path"):
            read_description("owner/editor", COMMIT, "model_index.json")
