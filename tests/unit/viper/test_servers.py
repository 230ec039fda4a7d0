"""Addresses in the environment: what cannot work is refused in one line, and no password is ever shown."""

import os
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from viper import servers
from viper.addresses import hide_passwords, without_passwords
from viper.environment import prepare_environment
from viper.errors import AddressError
from viper.servers import check_mlflow, check_prefect, check_s3_answers, check_store

VARIABLES = (
    *("VIPER_STORE", "VIPER_HOME", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "PREFECT_API_URL", "PREFECT_HOME"),
    *("PREFECT_API_AUTH_STRING", "PREFECT_API_KEY", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"),
    *("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
)
SECRET = "correct-horse"
CLOSED = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that what the code sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(servers, "PATIENCE_S", 0.0)


@pytest.fixture
def server() -> Iterator[str]:
    """Wants the login bob:correct-horse under /closed/, gives JSON under /api/, a page elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expected = f"Basic {b64encode(f'bob:{SECRET}'.encode()).decode()}"
            closed = self.path.startswith("/closed") and self.headers.get("Authorization") != expected
            self.send_response(401 if closed else 404 if self.path.startswith("/nothing") else 200)
            self.end_headers()
            self.wfile.write(b"<html>" if self.path.startswith("/page") else b"true")

        def log_message(self, format: str, *args: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def hide_and(check: Callable[[], object]) -> None:
    hide_passwords()
    check()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://bob:pw@host:5000/x", "at http://***@host:5000/x"),
        ("http://host/x and https://bob@h", "http://host/x and https://***@h"),
        ("postgresql+psycopg2://bob:p%40w@db/mlflow", "postgresql+psycopg2://***@db/mlflow"),
        ("http://bob:p/w@host", "http://***@host"),
        ("http://bob:p@w@host", "http://***@host"),
        ("write to bob@host", "write to bob@host"),
        ("s3://key:secret@bucket/prefix", "s3://***@bucket/prefix"),
    ],
)
def test_no_name_and_password_of_an_address_is_shown(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_logins_move_out_of_the_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://bob:p%40w@host:5000/mlflow")
    monkeypatch.setenv("PREFECT_API_URL", "https://ann:s3cret@host/api")
    hide_passwords()
    hide_passwords()
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://host:5000/mlflow"
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == ("bob", "p@w")
    assert os.environ["PREFECT_API_URL"] == "https://host/api"
    assert os.environ["PREFECT_API_AUTH_STRING"] == "ann:s3cret"


def test_a_password_that_tears_an_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://bob:{SECRET}/7@host:5000")
    with pytest.raises(AddressError, match="written %2F") as caught:
        hide_passwords()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("{folder}", "plain folder"),
        ("file://{folder}", "plain folder"),
        ("banana", "Expected http://HOST:PORT"),
        ("http://", "names no host"),
        ("http://host:port", "whose port is no number from 1 to 65535"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////proc/nothing/x.db", "cannot be written"),
        ("sqlite:///{folder}", "cannot be written"),
        ("sqlite:///{folder}/text.db", "is no SQLite database"),
        (f"postgresql+nosuchdriver://bob:{SECRET}@host/db", "cannot be taken apart|not installed"),
        ("http://{server}/page", "is no MLflow"),
        ("http://{server}/nothing", "is no MLflow"),
        ("http://{server}/closed", "refuses the login"),
        (f"http://bob:wrong-{SECRET}@{{server}}/closed", "refuses the login"),
    ],
)
def test_an_mlflow_address_that_cannot_work_is_refused(
    address: str, said: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(folder=tmp_path, server=server))
    with pytest.raises(AddressError, match=said) as caught:
        hide_and(check_mlflow)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "answers"),
    [
        ("http://{server}/api", True),
        (f"http://bob:{SECRET}@{{server}}/closed", True),
        (f"http://{CLOSED}", False),
        ("sqlite:///{folder}/new/mlflow.db", True),
        ("", True),
    ],
)
def test_an_mlflow_address_that_can_work_is_taken_and_a_server_that_is_away_is_no_fault(
    address: str, answers: bool, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(folder=tmp_path, server=server))
    prepare_environment()
    hide_passwords()
    assert check_mlflow() is answers


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("banana", "Expected an address"),
        ("127.0.0.1:4200/api", "Expected an address"),
        (f"http://bob:{SECRET}@{CLOSED}/api", "no server answers there"),
        ("http://{server}/page", "ends in /api"),
        ("http://{server}/nothing", "ends in /api"),
        ("http://{server}/closed/api", "refuses the login"),
    ],
)
def test_a_prefect_address_that_cannot_work_is_refused(
    address: str, said: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", address.format(server=server))
    with pytest.raises(AddressError, match=said) as caught:
        hide_and(check_prefect)
    assert SECRET not in str(caught.value)


def test_a_prefect_server_that_answers_is_taken(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_prefect()
    for address in (f"http://{server}/api", f"http://bob:{SECRET}@{server}/closed/api"):
        monkeypatch.setenv("PREFECT_API_URL", address)
        hide_passwords()
        check_prefect()


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("VIPER_STORE", "ftp://host/store"),
        ("VIPER_STORE", "s3://"),
        ("VIPER_STORE", f"s3://key:{SECRET}@bucket/prefix"),
        ("VIPER_STORE", "{folder}/file"),
        ("AWS_ENDPOINT_URL", "host:8333"),
        ("AWS_ENDPOINT_URL", f"http://key:{SECRET}@host:8333"),
        ("AWS_ENDPOINT_URL_S3", "http://host:port"),
    ],
)
def test_a_store_address_that_cannot_work_is_refused(
    variable: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, address.format(folder=tmp_path))
    with pytest.raises(AddressError, match=rf"{variable} is .*(Expected|cannot be taken apart)") as caught:
        check_store()
    assert SECRET not in str(caught.value)


def test_an_s3_server_that_is_away_is_seen_in_seconds(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_s3_answers()
    monkeypatch.setenv("VIPER_STORE", "s3://bucket/store")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server}/closed")  # a refusal is an answer
    check_s3_answers()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{CLOSED}")
    with pytest.raises(AddressError, match="no server answers there"):
        check_s3_answers()


@pytest.mark.parametrize("variable", ["VIPER_HOME", "PREFECT_HOME"])
@pytest.mark.parametrize("place", ["{folder}/file", "{folder}/file/below", "/proc/nothing"])
def test_a_folder_that_cannot_be_written_is_refused(
    variable: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, place.format(folder=tmp_path))
    with pytest.raises(
        AddressError, match=rf"{variable} is .*(is no folder|cannot be written).* Name a folder that can"
    ):
        prepare_environment()
