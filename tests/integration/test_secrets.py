"""Marked secrets are used by real services and by a round on a worker, and lie nowhere but where they belong."""

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commands.credentials import write_private
from storage.objects import ObjectStore
from tests.integration.test_up import Machine
from tests.servers import BIN
from tests.small import SMALL
from viper.profiles import load_profile, override

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(3600)]

MARKS = {
    "AWS_SECRET_ACCESS_KEY": "mark-of-s3-7Qx1vRk2",
    "PASSWORD": "mark-of-login-9Zt4wLp6",
    "FLASK_KEY": "mark-of-flask-3Hd8yNc5",
    "HF_TOKEN": "hf_markofthehub5Gb2sJm",
}


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it is, and inside of base64, at each of three offsets, without what its neighbours change."""
    yield secret.encode()
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + secret.encode())
        yield encoded[(0, 2, 3)[before] : (len(secret) + before) // 3 * 4]


def marked(content: bytes) -> set[str]:
    return {name for name, secret in MARKS.items() if any(form in content for form in forms(secret))}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path)
    (found.home / "up").mkdir(parents=True)
    keys = {name: mark for name, mark in MARKS.items() if name != "HF_TOKEN"}
    write_private(found.home / "up" / "keys.json", json.dumps({"AWS_ACCESS_KEY_ID": "viper", **keys}))
    found.environment["HF_TOKEN"] = MARKS["HF_TOKEN"]
    yield found
    found.run("down")


def test_the_search_finds_a_secret_also_inside_of_base64() -> None:
    for name, secret in MARKS.items():
        assert marked(f"key={secret}".encode()) == {name}
        for before in ("", "a", "ad", "admin:", "user:"):
            assert marked(base64.b64encode(f"{before}{secret} and more".encode())) == {name}
    assert marked(b"mark-of-s3 and nothing of it") == set()


def test_after_a_round_secrets_lie_nowhere_but_in_their_own_files(machine: Machine, tmp_path: Path) -> None:
    pytest.importorskip("flask_wtf")
    process = machine.up("--s3", "--auth")
    settings = override(load_profile("shapes"), SMALL).model_dump_json()
    exported = f'source "{machine.home}/up.env"'
    run = f"{BIN}/prefect deployment run evolve/evolve-shapes --watch --param rounds=1 --param 'settings={settings}'"
    viper = f"{sys.executable} -c 'from commands.cli import main; main()'"
    said = ""
    for command in (run, *(f"{viper} {arguments}" for arguments in ("status", "doctor", "store verify", "up --check"))):
        done = subprocess.run(
            ["bash", "-c", f"{exported} && {command}"], env=machine.environment, capture_output=True, text=True
        )
        said += done.stdout + done.stderr
        assert done.returncode == 0, said
    assert "Resume     skips all rounds" in said
    (tmp_path / "terminal.txt").write_text(said)
    in_store = _in_store(machine)
    process.terminate()
    assert process.wait(timeout=120) == 0

    assert in_store == {}
    found, files = {}, [path for path in tmp_path.rglob("*") if path.is_file()]
    for path in files:
        if names := marked(path.read_bytes()):
            found[str(path.relative_to(machine.home) if path.is_relative_to(machine.home) else path.name)] = names
    assert found.pop("up/keys.json") == set(MARKS) - {"HF_TOKEN"}
    assert found.pop("up.env") == {"AWS_SECRET_ACCESS_KEY", "PASSWORD"}
    assert found == {}
    searched = {path.name for path in files}
    assert searched >= {"prefect.db", "mlflow.db", "prefect.log", "mlflow.log", "worker.log", "s3.log", "terminal.txt"}
    assert any(path.suffix == ".html" for path in (machine.home / "up" / "mlflow").rglob("*"))


def _in_store(machine: Machine) -> dict[str, set[str]]:
    """The entries of the store in which a secret stands, read as S3 gives them, without parquet's compression."""
    variables = dict(line.removeprefix("export ").split("=", 1) for line in _exports(machine))
    found, read = {}, 0
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        store = ObjectStore(variables["VIPER_STORE"])
        for key in store.list(""):
            ref = store.find(key)
            assert ref is not None
            for entry in store.manifest(ref).entries:
                content, read = store.read(ref, entry), read + 1
                if entry.endswith(".parquet"):
                    content += str(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
                if names := marked(content):
                    found[f"{key} {entry}"] = names
    assert read > 50
    return found


def _exports(machine: Machine) -> list[str]:
    return (machine.home / "up.env").read_text().splitlines()
