"""``viper up`` and compose.yaml run the same commands with the same settings; the image is built from what is there."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.services import Choices, Service, addresses, services

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"AWS_ACCESS_KEY_ID": "viper", "AWS_SECRET_ACCESS_KEY": "s", "PASSWORD": "p", "FLASK_KEY": "f"}
COMPOSE = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())["services"]
WHERE = {
    "s3": {"-master.port", "-volume.port", "-filer.port", "-admin.port"},  # a container has all ports for itself
    "mlflow": {"--allowed-hosts"},  # there it is called by another name, too
}
"""Options that only one of them needs."""


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Service]:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path))
    monkeypatch.setattr("commands.services.find_spec", lambda name: name)  # whether or not Flask-WTF is installed
    chosen = Choices(s3=True, auth=True)
    return {service.name: service for service in services(chosen, tmp_path / "up", KEYS)}


def _words(service: dict[str, Any]) -> list[str]:
    command = service["command"]
    words: list[str] = service["entrypoint"] + (command.split() if isinstance(command, str) else command)
    # With passwords: ${VARIABLE:+this}
    return [re.sub(r"^\$\{\w+:\+(.*)\}$", r"\1", word) for word in words]


def _options(words: list[str]) -> dict[str, str]:
    """Options with their values, whether written with ``=`` or as two words; words before them count by their place."""
    found: dict[str, str] = {}
    name = ""
    for place, word in enumerate(words):
        if word.startswith("-"):
            name, _, value = word.partition("=")
            found[name] = value
        elif name and not found[name]:
            found[name] = word
        else:
            found[str(place)] = Path(word).name
    return found


@pytest.mark.parametrize("name", ["prefect", "mlflow", "s3", "worker"])
def test_compose_runs_the_commands_that_up_runs(name: str, local: dict[str, Service]) -> None:
    here, there = _options(local[name].command), _options(_words(COMPOSE[name]))
    differing = WHERE.get(name, set())
    assert here.keys() - differing == there.keys() - differing
    # Where they listen, and where they keep things, differs by nature.
    places = {"--host", "-ip", "-ip.bind", "-dir", "--backend-store-uri", "--artifacts-destination", "--name"}
    alike = here.keys() & there.keys() - places
    assert {option: here[option] for option in alike} == {option: there[option] for option in alike}


@pytest.mark.parametrize("name", ["prefect", "mlflow", "s3", "worker"])
def test_compose_sets_what_up_sets(name: str, local: dict[str, Service]) -> None:
    here, there = local[name].settings, COMPOSE[name].get("environment", {})
    only_here = {
        "VIPER_HOME",
        "PREFECT_LOGGING_LEVEL",
        "PREFECT_WORKER_WEBSERVER_HOST",
        "PREFECT_WORKER_WEBSERVER_PORT",
    }
    only_there = {"VIPER_MLFLOW_PAGES", "PREFECT_UI_URL"}  # the worker reaches servers by other names than browsers do
    assert here.keys() - only_here == there.keys() - only_there
    for setting in here.keys() & there.keys():
        value = there[setting]
        addressed = setting.endswith(("_URI", "_URL", "_PATH"))
        if value is not None and "${" not in value and not addressed:
            assert here[setting] == value


def test_ports_are_those_that_the_documents_name() -> None:
    chosen = Choices()
    for name in ("prefect", "mlflow", "s3"):
        port = getattr(chosen, f"{name}_port")
        assert COMPOSE[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert str(chosen.worker_port) in COMPOSE["worker"]["healthcheck"]["test"][-1]


def test_without_a_password_compose_leaves_nothing_of_the_option() -> None:
    """Compose replaces the variable in the text before it splits it into words."""
    text = re.sub(r"\$\{\w+:\+.*?\}", "", COMPOSE["mlflow"]["command"])
    assert [word for word in text.split() if not word.startswith("--")] == []
    # A variable without a value is not set at all where the environment does not set it.
    assert COMPOSE["prefect"]["environment"]["PREFECT_SERVER_API_AUTH_STRING"] is None


def test_nothing_listens_beyond_this_machine(local: dict[str, Service]) -> None:
    for service in local.values():
        assert service.page.startswith("http://127.0.0.1:")
    assert _options(local["prefect"].command)["--host"] == "127.0.0.1"
    assert _options(local["mlflow"].command)["--host"] == "127.0.0.1"
    assert _options(local["s3"].command)["-ip.bind"] == "127.0.0.1"
    assert local["worker"].settings["PREFECT_WORKER_WEBSERVER_HOST"] == "127.0.0.1"


def test_no_secret_stands_in_a_command(local: dict[str, Service]) -> None:
    """Whoever is on the machine can read commands, and only the owner the environment."""
    secret = {name: f"secret-{name}" for name in KEYS}
    for service in services(Choices(s3=True, auth=True), Path("up"), secret):
        assert "secret-" not in " ".join(service.command)
    assert "PREFECT_API_AUTH_STRING" not in addresses(Choices(), KEYS)


def test_the_image_copies_and_installs_what_is_there() -> None:
    text = (ROOT / "deployments" / "Dockerfile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = set(re.findall(r"EXTRAS=([\w,]+)", text))
    assert named
    assert {extra for group in named for extra in group.split(",")} <= extras.keys()
    for sources in re.findall(r"^COPY ((?:[\w./]+ )+)[\w./]+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
