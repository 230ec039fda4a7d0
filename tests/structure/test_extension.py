"""A stage, a suite, a judge and a pool source are added from outside: each one file and one line of a registry.

The files are those of ``tests/extension``; each test adds one by its line and runs the steps of a round with it.
"""

import base64
import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows import preflight, synthesis_inputs, training_inputs
from models.judges import JUDGES
from models.judges.pixels import PixelJudge
from models.lessons import LESSONS
from models.payloads import Captions, Distances
from models.roles import Judge
from models.suites.catalog import SUITES
from models.worlds import find_suite
from storage.datasets import read_dataset
from tasks.contamination import hash_suite
from tasks.evaluation import answer_questions, read_replies, unit_scores
from tasks.pool import check_pool, check_taken, list_pool, read_listing, take_images
from tasks.pools import SOURCES
from tasks.pools.files import FilePool
from tasks.pools.source import PoolSource
from tasks.reconstruction import paint_captions
from tasks.shards import read_payload, read_pictures
from tasks.suites import check_suites, fix_suite
from tasks.training import train_stage
from tasks.versioning import lack_of_lessons, version_dataset
from tasks.worker import Worker
from tests.extension.dummy_judge import load_dummy, mean_distance
from tests.extension.dummy_lesson import DummyLesson
from tests.extension.dummy_pool import COLORS, DummyPool
from tests.extension.dummy_suite import DummySuite
from tests.golden.six import SCENES, pictures
from tests.loop import cut_for, done, shard_of, stored, worker_for
from viper.errors import ModelError, PoolError, ProfileError, SuiteError, ViperError
from viper.profiles import load_profile, override
from viper.records import ArtifactRef
from viper.settings import SftStage

TEXTS = {name: f"a small {scene.things[0].color} {scene.things[0].shape} here." for name, scene in SCENES.items()}
STAGE = """
[[training.stages]]
objective = "sft"
lessons = ["dummy"]
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))
    return worker_for(cut_for())


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The embedded profile, whose stages are one of the dummy lesson."""
    shipped = (Path(__file__).resolve().parents[2] / "deployments" / "profiles" / "shapes.toml").read_text()
    before, _, rest = shipped.partition("[[training.stages]]")
    path = tmp_path / "own.toml"
    path.write_text(before + STAGE + "\n[benchmarks]" + rest.partition("[benchmarks]")[2])
    return path


def test_a_pool_source_is_one_file_and_one_line(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = cut_for("pool.uri='dummy:'", "pool.images_per_round=3", "synthesis.shard_images=2")
    with pytest.raises(PoolError, match="No pool lies at 'dummy:'"):
        check_pool(cut.settings.pool, cut.settings.models.vlm, cut.settings.models.editor)
    monkeypatch.setitem(SOURCES, "dummy", DummyPool())
    check_pool(cut.settings.pool, cut.settings.models.vlm, cut.settings.models.editor)
    files = read_listing(worker.store, done(list_pool, synthesis_inputs.listing(cut, 1), worker))
    assert [file.name for file in files] == [f"dummy:{color}" for color in COLORS[:3]]
    taken = [done(take_images, one, worker) for one in synthesis_inputs.takes(cut, files, [])]
    shards = check_taken(worker.store, taken, "dummy:", 0.0)
    assert [len(read_pictures(worker.store, shard.pool)) for shard in shards] == [2, 1]
    found = {one.getpixel((0, 0)) for shard in shards for one in read_pictures(worker.store, shard.pool).values()}
    assert found == {Image.new("RGB", (1, 1), color).getpixel((0, 0)) for color in COLORS[:3]}


def test_a_pool_source_beside_the_others_takes_nothing_from_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "dummy", DummyPool())
    for uri in ("shapes:", "./folder", "s3://bucket/dummy:", "dummy", "dummy:"):
        takers = [name for name, source in SOURCES.items() if source.takes(uri)]
        assert len(takers) == 1, f"{uri} is read by {takers}"
    assert not FilePool().takes("dummy:")
    source: PoolSource = SOURCES["dummy"]
    assert source.takes("dummy:")


def test_a_judge_is_one_file_and_one_line(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = cut_for("judge.kind='dummy'", "filter.seeds=2")
    with pytest.raises(ModelError, match="Unknown judge 'dummy'"):
        preflight.check_names(cut.settings)
    monkeypatch.setitem(JUDGES, "dummy", load_dummy)
    preflight.check_names(cut.settings)
    given, captions = shard_of(pictures()), stored("captions", Captions(TEXTS))
    made = done(paint_captions, synthesis_inputs.paintings(cut, 1, given, captions), worker)
    painted, found = read_pictures(worker.store, made), read_payload(worker.store, made, Distances).root
    expected = {name: mean_distance(picture, painted[name]) for name, picture in pictures().items()}
    assert found == pytest.approx(expected)
    usual = done(paint_captions, synthesis_inputs.paintings(cut_for("filter.seeds=2"), 1, given, captions), worker)
    assert made.uri != usual.uri, "the judge is part of the key"
    assert [judge.maps([], []) for judge in _judges()] == [[], []]


def _judges() -> list[Judge]:
    return [load_dummy("", "", "cpu"), PixelJudge()]


def test_a_stage_is_one_file_and_one_line(
    worker: Worker, profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = override(load_profile(str(profile)), ["filter.min_samples=1"])
    with pytest.raises(ProfileError, match="Unknown lesson 'dummy'"):
        preflight.check_names(settings)
    monkeypatch.setitem(LESSONS, "dummy", DummyLesson())
    preflight.check_names(settings)
    cut = cut_for("filter.min_samples=1", profile=str(profile))
    assert cut.lessons == ("dummy",)
    captions = stored("captions", Captions(TEXTS))
    inputs = synthesis_inputs.dataset(cut, 1, "dummy", cut.base, [shard_of(pictures())], {"captions": [captions]}, None)
    dataset = done(version_dataset, inputs, worker)
    assert "/datasets/dummy/" in dataset.uri
    rows = list(read_dataset(worker.store, dataset, tmp_path / "rows"))
    assert {row["id"]: row["truth"] for row in rows} == {name: [text] for name, text in TEXTS.items()}
    for row in rows:
        assert row["prompt"] == cut.world.prompts.caption
        (image,) = row["images"]
        assert np.array_equal(image.convert("RGB"), pictures()[row["id"]])
    (stage,) = cut.settings.training.stages
    assert not lack_of_lessons(worker.store, (dataset,), 6, stage.name)
    training = training_inputs.training(cut, 1, stage, cut.base, {"dummy": dataset})
    assert isinstance(training.stage, SftStage)
    assert training.stage.name == "dummy-sft"
    assert training.datasets == (dataset,)
    assert train_stage.key(training).startswith("results/model/")


def write_suite(folder: Path) -> None:
    """Two questions about each of the six pictures: what the first thing's color is, and what it is not."""
    folder.mkdir()
    with (folder / "dummy.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["index", "image", "question", "A", "B", "answer"])
        for number, (name, picture) in enumerate(pictures().items()):
            buffer = io.BytesIO()
            picture.save(buffer, "PNG")
            thing = SCENES[name].things[0]
            cells = [base64.b64encode(buffer.getvalue()).decode(), f"what color is the {thing.shape}?"]
            writer.writerow([number, *cells, thing.color, "orange", "A"])


def test_a_suite_is_one_file_and_one_line(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_suite(tmp_path / "suites")
    cut = cut_for(
        "benchmarks.suites=['dummy']", f"benchmarks.folder='{tmp_path / 'suites'}'", "benchmarks.shard_questions=4"
    )
    with pytest.raises(SuiteError, match="Unknown suite 'dummy'"):
        check_suites(cut.settings.benchmarks)
    monkeypatch.setitem(SUITES, "dummy", DummySuite())
    check_suites(cut.settings.benchmarks)
    file = done(fix_suite, synthesis_inputs.suite(cut, "dummy"), worker)
    assert worker.store.manifest(file).meta["shards"] == 2
    parts = [
        done(answer_questions, training_inputs.answers(cut, cut.base, "dummy", file, shard), worker)
        for shard in range(2)
    ]
    replies = read_replies(worker.store, parts)
    assert len(replies) == len(SCENES)
    for reply, scene in zip(replies, SCENES.values(), strict=True):
        assert reply["score"] == float(scene.things[0].color in reply["reply"])
    assert unit_scores(worker.store, "dummy", parts) == [reply["score"] for reply in replies]
    figures = find_suite("dummy").aggregate(replies)
    assert figures == {"score": sum(reply["score"] for reply in replies) / 6, "answered": 1.0}
    # Its pictures are kept out of the pool as those of every suite.
    hashes: ArtifactRef = done(hash_suite, synthesis_inputs.hashes(cut, "dummy", file), worker)
    assert worker.store.manifest(hashes).meta["suite"] == "dummy"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("world='shape'", "Unknown world 'shape'. Did you mean 'shapes'?"),
        ("judge.kind='pixel'", "Unknown judge 'pixel'. Did you mean 'pixels'?"),
        ("training.stages.0.lessons=['crs']", "Unknown lesson 'crs'. Did you mean 'csr'?"),
        ("benchmarks.suites=['countin']", "Unknown suite 'countin'. Did you mean 'counting'?"),
        ("benchmarks.folder='shapes:held'", "There are no suites 'shapes:held'"),
        ("pool.uri='shapes:x'", "has no pool 'shapes:x'"),
        ("pool.uri='shape:'", "No pool lies at 'shape:'"),
        ("models.vlm.path='shapes:vln'", "There is no embedded model 'vln'"),
    ],
)
def test_unknown_names_are_refused_before_any_work_with_the_nearest_that_is_known(
    change: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))
    settings = override(load_profile("shapes"), [change])
    with pytest.raises(ViperError) as refused:
        preflight.check(settings, 1)
    assert message in str(refused.value)
    assert not (tmp_path / "home").exists(), "work has begun"


def test_a_name_that_was_added_is_offered_as_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JUDGES, "dummy", load_dummy)
    with pytest.raises(ModelError, match="Did you mean 'dummy'"):
        preflight.check_names(cut_for("judge.kind='dumy'").settings)
