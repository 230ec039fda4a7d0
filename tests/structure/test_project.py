"""The project's files agree with each other: profiles, deployments, pins, make targets and the rooms' import rule."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROFILES = sorted(path.stem for path in (ROOT / "deployments" / "profiles").glob("*.toml"))
DEPLOYMENTS = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())["deployments"]
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([0-9][A-Za-z0-9.]*)")
HEAVY = ("torch", "transformers", "diffusers", "trl", "sentence_transformers", "datasets", "mlflow")


def constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text().splitlines()


def project_files() -> list[Path]:
    """Every file that is, or is about to be, part of the project."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_the_embedded_profile_is_shipped():
    assert "shapes" in PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_every_shipped_profile_loads(name):
    from viper.profiles import load_profile

    assert load_profile(name) is not None


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_deployment_names_a_real_flow_and_parameters_that_it_takes(deployment):
    from prefect.flows import Flow, load_flow_from_entrypoint

    assert ":" not in deployment["entrypoint"], "use a module entrypoint: a path entrypoint makes another Flow object"
    flow = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    assert isinstance(flow, Flow)
    unknown = set(deployment["parameters"]) - set(flow.parameters.properties)
    assert not unknown, f"{flow.name} takes {sorted(flow.parameters.properties)}, not {sorted(unknown)}"
    flow.validate_parameters(deployment["parameters"])


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_deployment_runs_a_shipped_profile_and_waits_for_its_turn(deployment):
    assert deployment["parameters"]["profile"] in PROFILES
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@pytest.mark.parametrize("path", sorted((ROOT / "flows").glob("[!_]*.py")), ids=lambda path: path.name)
def test_no_flow_file_is_named_after_an_importable_module(path):
    assert importlib.util.find_spec(path.stem) is None, f"{path.name} would shadow the module {path.stem}: rename it"


def test_imports_go_down_only():
    lint_imports = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("commands.cli", (*HEAVY, "prefect")),
        ("flows.preflight, flows.start, tasks.intake", (*HEAVY, "prefect")),
        ("flows.evolve", HEAVY),
    ],
    ids=["the command line", "what is checked before any work", "the flow"],
)
def test_loading_is_quick_because_heavy_libraries_wait(module, absent):
    code = f"import sys, {module}; print(*(name for name in {absent!r} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [], f"import these inside functions: {result.stdout}"


def test_no_file_holds_a_path_of_somebodys_machine():
    machine_path = re.compile(rb"(?<![\w.~-])/(?:work|root|home)/[^\n]*")
    found = []
    for path in project_files():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            found += [
                f"{path.relative_to(ROOT)}: {hit.decode(errors='replace')}" for hit in machine_path.findall(content)
            ]
    assert found == []


def test_constraints_are_exact_pins_each_named_once():
    lines = constraints()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    names = [canonicalize_name(line.split("==")[0]) for line in lines]
    assert len(names) == len(set(names))


def test_constraints_satisfy_every_requirement_that_make_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in constraints())}
    for text in [*project["dependencies"], *extras["services"], *extras["dev"]]:
        requirement = Requirement(text)
        if requirement.name == project["name"]:
            continue
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(pin), f"constraints.txt pins {requirement.name}=={pin}, not {requirement}"


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_the_documents_name_exists(document):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|\$ )make (?:[A-Z_]+=\S+ )*([a-z]+)", (ROOT / document).read_text(), re.MULTILINE))
    assert {"evolve", "test"} <= named <= targets


def test_the_changelog_knows_this_version():
    from viper import __version__

    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()
