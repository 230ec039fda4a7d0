"""The door through which worlds enter, and what holds for a world that brings nothing of its own."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.locations import resolve
from models.pipelines.families import find_family
from models.pipelines.family import PipelineFamily
from models.pipelines.loading import load_pipeline, pipeline_class
from models.suites.catalog import SUITES
from models.suites.mmstar import MMStar
from models.worlds import WORLDS, find_suite, find_world, world_of
from models.worlds.photographs import PROMPTS
from models.worlds.world import World
from viper.errors import ModelError, PoolError, ProfileError, SuiteError
from viper.profiles import load_profile

ROOT = Path(__file__).resolve().parents[3]


class OwnPipeline:
    """Stands for a pipeline class that diffusers lacks."""


class Dummy(World):
    """A world from outside, with one embedded model."""

    name = "dummy"
    prompts = PROMPTS
    suites = {"Dots": MMStar()}  # noqa: RUF012

    def model_folder(self, name: str) -> Path:
        return Path("weights") / name

    def pipeline_classes(self) -> dict[str, type]:
        return {"OwnPipeline": OwnPipeline}

    def pipeline_families(self) -> list[PipelineFamily]:
        return [PipelineFamily("own", ("OwnPipeline",), ("painter",), multiple_px=8)]


def test_an_unknown_world_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ProfileError, match=r"Unknown world 'shape'. Did you mean 'shapes'\? Known here: photographs"):
        find_world("shape")


def test_a_world_from_outside_is_found_with_its_models_and_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Dummy()
    monkeypatch.setitem(WORLDS, "dummy", world)
    assert find_world("dummy") is world
    assert world_of("dummy:vlm") is world
    assert resolve("dummy:vlm") == str(Path("weights/vlm"))
    assert find_suite("dots") is world.suites["Dots"]
    with pytest.raises(SuiteError, match="Known here: Dots"):
        find_suite("MMStar", world)


@pytest.mark.parametrize("address", ["./shapes", "/a/b", "s3://bucket/shapes:", "hub:", "Qwen/Qwen2.5-VL-3B", "shapes"])
def test_what_lies_elsewhere_is_of_no_world(address: str) -> None:
    assert world_of(address) is None


def test_a_suite_from_outside_is_found_in_the_world_of_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = MMStar()
    monkeypatch.setitem(SUITES, "dummy", suite)
    assert find_suite("dummy") is find_suite("Dummy", find_world("photographs")) is suite
    with pytest.raises(SuiteError, match="Did you mean 'dummy'"):
        find_suite("dumy")
    with pytest.raises(SuiteError, match="Known here: coarse_perception"):
        find_suite("dummy", find_world("shapes"))


def test_every_suite_stands_under_its_own_name() -> None:
    for world in WORLDS.values():
        assert all(name == suite.name for name, suite in world.suites.items())


def test_photographs_have_no_models_pool_suites_or_truth_of_their_own() -> None:
    world = find_world("photographs")
    assert world.rules is None
    assert world.pipeline_classes() == {}
    assert world.pipeline_families() == ()
    with pytest.raises(ModelError, match="has no embedded model 'vlm'"):
        resolve("photographs:vlm")
    with pytest.raises(PoolError, match=r"has no drawn pool 'photographs:'\. Give a folder or an s3:// prefix"):
        world.draw_picture("photographs:", 0, 1)
    with pytest.raises(ProfileError, match=r"Set synthesis\.writer to"):
        world.need_rules()
    with pytest.raises(ModelError, match="no models of its own"):
        world.foundation(Path("work"))
    with pytest.raises(PoolError, match="truth of pictures of the world 'photographs' is not known"):
        world.truth(np.zeros((4, 4, 3), np.uint8), "", np.random.default_rng(0))
    with pytest.raises(SuiteError, match="no suites 'photographs:' of its own"):
        world.suite_rows("photographs:", "MMStar", 0)


def test_a_world_without_prompts_for_it_lets_no_vlm_write() -> None:
    assert find_world("photographs").need_prompts() is PROMPTS
    with pytest.raises(ProfileError, match=r"world 'shapes' has no prompts .*\. Set synthesis\.writer to \"rules\"\."):
        find_world("shapes").need_prompts()


def test_a_pipeline_that_diffusers_lacks_is_found_in_the_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import FluxPipeline

    with pytest.raises(ModelError, match="x is a OwnPipeline, which nobody told how to call"):
        find_family("OwnPipeline", "painter", "x")
    monkeypatch.setitem(WORLDS, "dummy", Dummy())
    assert find_family("OwnPipeline", "painter", "x").name == "own"
    assert pipeline_class("OwnPipeline") is OwnPipeline
    assert pipeline_class("FluxPipeline") is FluxPipeline
    editor = load_profile("shapes").models.editor
    assert type(load_pipeline(editor, "editor")).__name__ == "BridgeEditPipeline"


def test_only_the_worlds_know_the_embedded_world() -> None:
    rooms = [path for path in (ROOT / "models").rglob("*.py") if "worlds" not in path.relative_to(ROOT).parts]
    assert len(rooms) > 30
    passed_by = re.compile(r"worlds\W+shapes|worlds import shapes")
    assert [path.name for path in rooms if passed_by.search(path.read_text())] == []


def test_asking_for_a_world_loads_no_heavy_library() -> None:
    modules = "models.worlds, models.judges, models.lessons, models.locations, models.roles"
    code = f"import sys, {modules}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "transformers", "diffusers", "scipy", "huggingface_hub"} & set(loaded)
