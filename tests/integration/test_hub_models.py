"""What a revision of a hub model means, asked through the hub's client from a server that speaks its interface."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from models.locations import resolve

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
CHECK = """
import sys
from flows.preflight import check
from viper.profiles import load_profile, override
check(override(load_profile("shapes"), ["models.vlm.path=owner/name", *sys.argv[1:]]), 1)
print("COMMIT TAKEN")
"""
SCRIPT = "import sys; from models.locations import resolve_commit; print('COMMIT', resolve_commit(*sys.argv[1:]))"
OLD, NEW = "a" * 40, "b" * 40


class Hub(BaseHTTPRequestHandler):
    """One model, ``owner/name``, whose revisions mean commits, and its files."""

    commits: dict[str, str]
    broken: bool
    files: dict[str, bytes]
    gated: bool
    """Its files are for those alone who were let in."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if "/resolve/" in self.path:
            self._file(self.path.partition("/resolve/")[2].partition("/")[2])
            return
        if "/tree/" in self.path:
            self._send(404, {"error": "no such folder"}, {"X-Error-Code": "EntryNotFound"})
            return
        name, _, revision = self.path.removeprefix("/api/models/").partition("/revision/")
        commit = self.commits.get(revision) or (revision if revision in self.commits.values() else None)
        if self.broken:
            self._send(503, {"error": "not now"}, {})
        elif name != "owner/name":
            self._send(404, {"error": "no such model"}, {"X-Error-Code": "RepoNotFound"})
        elif commit is None:
            self._send(404, {"error": "no such revision"}, {"X-Error-Code": "RevisionNotFound"})
        else:
            listed = [{"rfilename": file} for file in self.files]
            self._send(200, {"id": name, "sha": commit, "siblings": listed}, {})

    def _file(self, name: str) -> None:
        if self.broken:
            self._send(503, {"error": "not now"}, {})
        elif self.gated:
            self._send(403, {"error": "ask for access"}, {"X-Error-Code": "GatedRepo"})
        elif name not in self.files:
            self._send(404, {"error": "no such file"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": OLD})
        else:
            data = self.files[name]
            self._send_bytes(200, data, {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": OLD})

    def _send(self, status: int, value: dict[str, Any], headers: dict[str, str]) -> None:
        self._send_bytes(status, json.dumps(value).encode(), {**headers, "Content-Type": "application/json"})

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[tuple[type[Hub], str]]:
    class Own(Hub):
        commits: dict[str, str] = {"main": OLD}  # noqa: RUF012
        broken = gated = False
        files: dict[str, bytes] = {  # noqa: RUF012
            file.name: file.read_bytes() for file in Path(resolve("shapes:vlm")).iterdir() if file.is_file()
        }

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Own, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def ask(home: Path, endpoint: str, revision: str = "main", name: str = "owner/name", **environment: str) -> str:
    """The commit, or else what was said in its place."""
    return _run(home, endpoint, SCRIPT, name, revision, **environment)


def checked(home: Path, endpoint: str, *settings: str) -> str:
    """``TAKEN`` where the embedded profile with the hub's VLM can begin, or else what was said in its place."""
    return _run(home, endpoint, CHECK, *settings, VIPER_HOME=str(home / "viper"))


def _run(home: Path, endpoint: str, script: str, *arguments: str, **environment: str) -> str:
    environment = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": endpoint, "HF_HOME": str(home), **environment}
    command = [sys.executable, "-c", script, *arguments]
    variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=240, check=False)
    return found.stdout.removeprefix("COMMIT ").strip() if found.returncode == 0 else found.stderr


def fetched(home: Path, commit: str) -> None:
    """Leave the ref that a download of ``main`` leaves in the cache."""
    ref = home / "hub" / "models--owner--name" / "refs" / "main"
    ref.parent.mkdir(parents=True)
    ref.write_text(commit)


def test_a_branch_means_the_commit_that_the_hub_says_now(hub: tuple[type[Hub], str], tmp_path: Path) -> None:
    handler, endpoint = hub
    fetched(tmp_path, OLD)
    assert ask(tmp_path, endpoint) == OLD
    handler.commits["main"] = NEW
    assert ask(tmp_path, endpoint) == NEW


def test_without_a_hub_a_branch_means_what_was_fetched_last(
    hub: tuple[type[Hub], str], nowhere: str, tmp_path: Path
) -> None:
    fetched(tmp_path, OLD)
    assert ask(tmp_path, nowhere) == OLD
    assert ask(tmp_path, hub[1], HF_HUB_OFFLINE="1") == OLD
    hub[0].broken = True
    assert ask(tmp_path, hub[1]) == OLD


def test_without_a_hub_and_without_a_copy_the_remedy_is_named(nowhere: str, tmp_path: Path) -> None:
    said = ask(tmp_path, nowhere)
    assert "ModelError: The hub cannot be reached" in said
    assert "run `hf download owner/name --revision main`" in said


def test_what_the_hub_does_not_know_is_not_taken_from_a_copy(hub: tuple[type[Hub], str], tmp_path: Path) -> None:
    fetched(tmp_path, OLD)
    assert "ModelError: The hub has no revision 'v9' of owner/name" in ask(tmp_path, hub[1], "v9")
    assert "ModelError: The hub has no revision 'main' of owner/nome" in ask(tmp_path, hub[1], name="owner/nome")


def test_what_cannot_be_a_name_is_named(hub: tuple[type[Hub], str], tmp_path: Path) -> None:
    assert "ModelError: 'no:name' is neither a folder nor a name on the hub" in ask(tmp_path, hub[1], name="no:name")


def test_a_model_of_the_hub_is_looked_at_without_its_weights(hub: tuple[type[Hub], str], tmp_path: Path) -> None:
    handler, endpoint = hub
    handler.files["model.safetensors"] = b""
    assert checked(tmp_path, endpoint) == "TAKEN"
    assert not list(tmp_path.rglob("model.safetensors"))
    del handler.files["model.safetensors"]
    assert "ModelError: models.vlm.path is 'owner/name', which has no model.safetensors" in checked(tmp_path, endpoint)


def test_a_gated_model_is_told_before_any_work(hub: tuple[type[Hub], str], tmp_path: Path) -> None:
    handler, endpoint = hub
    handler.gated = True
    said = checked(tmp_path, endpoint)
    assert "ModelError: config.json of owner/name cannot be read" in said
    assert "Log in with `hf auth login`, and ask for access on the model's page." in said


def test_an_unknown_revision_and_a_hub_that_is_away_are_told_before_any_work(
    hub: tuple[type[Hub], str], nowhere: str, tmp_path: Path
) -> None:
    assert "The hub has no revision 'v9' of owner/name" in checked(tmp_path, hub[1], "models.vlm.revision=v9")
    assert "The hub cannot be reached" in checked(tmp_path, nowhere)
