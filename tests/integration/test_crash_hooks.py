"""Hooks of a crashed run are loaded by a script of Prefect's, beside which lies a module named like one of ours."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prefect import runner
from prefect.client.schemas.objects import FlowRun
from prefect.runner._workspace_runtime import PreparedWorkspaceManifest
from prefect.states import Crashed

pytestmark = pytest.mark.integration

DEPLOYMENTS = yaml.safe_load(Path("deployments/prefect.yaml").read_text())["deployments"]
SCRIPT = Path(runner.__file__).with_name("_workspace_runtime_bootstrap.py")


def _load_hooks(deployment: dict[str, object], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """What Prefect's process worker does when a run of the deployment has crashed."""
    entrypoint = str(deployment["entrypoint"])
    manifest = PreparedWorkspaceManifest(
        working_directory=folder, runtime_entrypoint=entrypoint, hook_command=None, environment={}
    )
    models = (manifest, FlowRun(id=uuid4(), flow_id=uuid4(), name="lost"), Crashed())
    files = [folder / f"{number}.json" for number in range(3)]
    for file, model in zip(files, models, strict=True):
        file.write_text(model.model_dump_json())
    done = subprocess.run(
        [sys.executable, SCRIPT, "hook", "crashed", *files],
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("deployment", DEPLOYMENTS[:1], ids=lambda deployment: deployment["name"])
def test_crash_hooks_load_under_a_process_worker(deployment, tmp_path):
    status, output = _load_hooks(deployment, tmp_path, deployment["work_pool"]["job_variables"]["env"])
    assert status == 0, output


def test_every_deployment_sets_what_the_hooks_need():
    assert {deployment["work_pool"]["job_variables"]["env"]["PYTHONSAFEPATH"] for deployment in DEPLOYMENTS} == {"1"}


def test_the_module_beside_the_script_is_still_the_reason(tmp_path):
    status, output = _load_hooks(DEPLOYMENTS[0], tmp_path, {"PYTHONSAFEPATH": ""})
    assert status == 1, "Prefect no longer needs PYTHONSAFEPATH: take it out of prefect.yaml"
    assert "'storage' is not a package" in output
