"""The Dockerfile's Python steps in a plain virtual environment, and the services of compose.yaml from it."""

import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deployments" / "Dockerfile").read_text().replace("\\\n", "")
COMPOSE = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())["services"]


def _steps() -> list[tuple[str, str]]:
    """The instructions with what they are given, from the first one that copies."""
    found = [line.split(" ", 1) for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
    steps = [(name, rest) for name, rest in found if name in {"COPY", "RUN"}]
    return steps[next(place for place, (name, _) in enumerate(steps) if name == "COPY") :]


def _arguments() -> dict[str, str]:
    """Build arguments with their defaults. PIP_ARGS may be given by the environment, as by --build-arg."""
    found = {name: value.strip('"') for name, value in re.findall(r"^ARG (\w+)=(.*)$", DOCKERFILE, re.MULTILINE)}
    return found | {name: os.environ[name] for name in found.keys() & {"PIP_ARGS"} & os.environ.keys()}


def _copy(rest: str, image: Path) -> None:
    *sources, target = rest.split()
    for source in sources:
        if source == ".":
            tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
            for name in tracked.split():
                (image / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, image / name)
        else:
            destination = image / target / source if target.endswith("/") else image / target
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / source, destination)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder /opt/viper-loop of the image, beside it its virtual environment."""
    image = tmp_path_factory.mktemp("image") / "viper-loop"
    image.mkdir()
    venv.create(image.parent / "venv", with_pip=True)
    path = f"{image.parent / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for name, rest in _steps():
        if name == "COPY":
            _copy(rest, image)
        else:
            environment = {**clean, **_arguments(), "PATH": path}
            done = subprocess.run(["sh", "-ec", rest], cwd=image, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return image


def test_the_image_holds_every_program_that_compose_starts(image: Path) -> None:
    programs = {service["entrypoint"][0] for service in COMPOSE.values() if "entrypoint" in service}
    assert programs == {"prefect", "mlflow", "weed"}
    for program in (*programs, "viper"):
        assert (image.parent / "venv" / "bin" / program).exists(), program
    viper = [image.parent / "venv" / "bin" / "viper", "--help"]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    shown = subprocess.run(viper, env=clean, cwd=image.parent, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "deploy" in shown.stdout


def test_mlflow_of_the_image_can_ask_for_passwords(image: Path) -> None:
    python = image.parent / "venv" / "bin" / "python"
    subprocess.run([python, "-c", "import flask_wtf"], check=True)
