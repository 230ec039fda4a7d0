"""What decides a result moves its key, and nothing else does: content, texts, the settings that a step reads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import JsonValue

from models import prompts
from storage.manifest import PROVENANCE
from tasks import evaluation, filtering, pool, reconstruction, versioning
from tasks.step import key_of, open_store
from tasks.survey import surveying
from viper.profiles import load_profile, override
from viper.records import ArtifactRef, ModelRef, Shard
from viper.settings import Settings

SETTINGS = load_profile("shapes")
VLM = ModelRef(name="base", settings_path="shapes:vlm", fingerprint="f" * 64)


def artifact(key: str, text: str, facts: dict[str, JsonValue] | None = None) -> ArtifactRef:
    return open_store().commit(f"results/test/{key}", "captions", {"captions.json": text.encode()}, facts)


def key_seen(step: Callable[..., Any], *arguments: object) -> str:
    """The key under which a step looks for its artifact."""
    with surveying():
        seen = step(*arguments)
    assert isinstance(seen, ArtifactRef)
    return seen.uri


def test_an_artifact_counts_by_its_content_and_not_by_its_place_or_origin() -> None:
    one = artifact("a", "same", {PROVENANCE: {"margin": 1}, "count": 2})
    other = artifact("b", "same", {PROVENANCE: {"margin": 9}, "count": 2})
    assert one.sha256 != other.sha256
    assert key_of("next", 1, {"shard": Shard(pool=one, number=3)}) == key_of(
        "next", 1, {"shard": Shard(pool=other, number=3)}
    )
    changed = [artifact("c", "changed", {"count": 2}), artifact("d", "same", {"count": 3})]
    keys = {key_of("next", 1, {"from": [ref]}) for ref in (one, *changed)}
    assert len(keys) == 3


FILTERED = {
    "filter.min_edit_change=0.5": {"edits"},
    "filter.max_edit_spill=0.5": {"edits"},
    "filter.min_gain=0.5": {"critiques"},
    "filter.min_agreement=0.5": {"critiques"},
    "filter.max_faithful_distance=0.5": {"critiques"},
    "filter.enabled=false": {"critiques", "edits"},
    "filter.min_samples=3": {"dataset"},
    "filter.max_nothing_share=0.5": {"dataset"},
    "synthesis.inline_image_bytes=5": {"dataset"},
    "filter.seeds=5": {"paintings"},
    "synthesis.batch=3": set(),
}
"""By change, the filtering steps whose own inputs it moves; what follows them moves only if their content does."""


@pytest.mark.parametrize(("change", "moved"), FILTERED.items())
def test_a_threshold_repeats_the_steps_that_read_it(change: str, moved: set[str]) -> None:
    ref = artifact("x", "x", {"reasons": {}})
    shard = Shard(pool=ref, number=0)

    def keys(settings: Settings) -> dict[str, str]:
        return {
            "critiques": key_seen(filtering.filter_critiques, settings, shard, ref, ref, ref, ref),
            "edits": key_seen(filtering.filter_edits, settings, shard, ref),
            "paintings": key_seen(reconstruction.paint_captions, settings, 1, shard, ref),
            "dataset": key_seen(versioning.version_dataset, settings, 1, VLM, "csr", [shard], [(ref,)], None),
        }

    before, after = keys(SETTINGS), keys(override(SETTINGS, [change]))
    assert {name for name in before if before[name] != after[name]} == moved


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("refine", {"csr"}),
        ("predict", {"vop"}),
        ("multiple_choice", {"replies"}),
        ("option", {"replies"}),
        ("question", {"replies"}),
        ("critique", set()),
    ],
)
def test_another_prompt_moves_what_it_words(text: str, moved: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ref = artifact("y", "y", {"reasons": {}})
    shard = Shard(pool=ref, number=0)

    def keys() -> dict[str, str]:
        return {
            "csr": key_seen(versioning.version_dataset, SETTINGS, 1, VLM, "csr", [shard], [(ref,)], None),
            "vop": key_seen(versioning.version_dataset, SETTINGS, 1, VLM, "vop", [shard], [(ref, ref)], None),
            "replies": key_seen(evaluation.answer_questions, SETTINGS, VLM, "coarse_perception", ref, 0),
        }

    before = keys()
    words = replace(
        prompts.SETS["shapes"], **{text: "say it otherwise: {caption} {question} {options} {letter} {text}"}
    )
    monkeypatch.setitem(prompts.SETS, "shapes", words)
    after = keys()
    assert {name for name in before if before[name] != after[name]} == moved


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    return tmp_path


def test_a_picture_that_is_replaced_under_its_name_is_taken_anew(pictures: Path) -> None:
    settings = override(SETTINGS, [f'pool.uri="{pictures}"', "pool.images_per_round=3"])
    before = key_seen(pool.take_images, settings, 1, [])
    assert key_seen(pool.take_images, settings, 1, []) == before
    Image.new("RGB", (16, 16), "blue").save(pictures / "1.png")
    assert key_seen(pool.take_images, settings, 1, []) != before
