"""The loop needs nothing but the pictures: the embedded world's renderer is taken away from it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loop import cut_for
from tests.small import SMALL

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

FORBID = "scene.render = scene.sample_scene = scene.shape_mask = forbidden"
WITHOUT_RENDERER = f"""
import sys
import models.worlds.shapes.scene as scene

def forbidden(*_, **__):
    raise AssertionError("the loop asked the renderer")

{FORBID}
from flows.synthesis import synthesis
from viper.environment import prepare_environment
from viper.profiles import load_profile, override
prepare_environment()
made = synthesis(settings=override(load_profile("shapes"), sys.argv[1:]))
print("ROWS", {{lesson: ref.content_sha256 for lesson, ref in made.datasets.items()}})
"""


SUITES_ALONE = """
import sys
from flows.start import begin
from flows.synthesis_inputs import suite
from tasks.step import perform
from tasks.suites import fix_suite
from viper.environment import prepare_environment
from viper.profiles import load_profile, override
prepare_environment()
runner, cut = begin(override(load_profile("shapes"), sys.argv[1:]))
for name in cut.settings.benchmarks.suites:
    perform(fix_suite, suite(cut, name), runner.worker)
"""


def test_the_loop_needs_nothing_but_the_pictures(tmp_path: Path) -> None:
    """A pool of PNG files alone, with the renderer taken away, gives the rows that the embedded pool gives."""
    small = [*SMALL, "pool.images_per_round=12"]
    cut, folder = cut_for(*small), tmp_path / "pool"
    folder.mkdir()
    for number in range(12):
        png = cut.world.draw_picture("shapes:", cut.seed(1, "pool").of(), number)
        (folder / f"{number}.png").write_bytes(png)
    found = []
    for home, uri in ((tmp_path / "a", "shapes:"), (tmp_path / "b", str(folder))):
        script = WITHOUT_RENDERER if uri != "shapes:" else WITHOUT_RENDERER.replace(FORBID, "")
        environment = {**os.environ, "VIPER_HOME": str(home), "PREFECT_HOME": str(tmp_path / "prefect")}
        # The benchmarks alone may ask the renderer; the pool is compared with their pictures.
        for code in (SUITES_ALONE, script):
            command = [sys.executable, "-c", code, *small, f"pool.uri={uri}"]
            process = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=600, check=False)
            assert process.returncode == 0, process.stdout + process.stderr
        found.append(process.stdout.split("ROWS")[1])
    assert found[0] == found[1]
