"""Benchmarks: models answer fixed suites shard by shard; raw replies stay with their scores."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect import State
from pydantic import JsonValue

from models import prompts
from models.suites.catalog import find_suite
from models.suites.reading import MAX_IMAGE_BYTES
from models.suites.suite import Question, Suite
from models.vlm import Prepared, Prompt
from storage.images import read_image
from storage.suite_shards import ShardImages, read_questions
from tasks.generation import load
from tasks.step import Entries, current_run_name, once, open_store, step_task
from tasks.suites import MAX_IMAGE_PIXELS
from viper.records import ArtifactRef, ModelRef
from viper.settings import Settings

if TYPE_CHECKING:
    from models.vlm import Vlm as LoadedVlm

log = logging.getLogger("viper")


@step_task(name="answer questions", task_run_name="{vlm.name} answers {suite} {shard}")
def answer_questions(
    settings: Settings, vlm: ModelRef, suite: str, suite_file: ArtifactRef, shard: int
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``replies``: ``replies.jsonl``, one line a question with its fields, the raw reply and the score."""
    benchmarks, known = settings.benchmarks, find_suite(suite)

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        rows = read_questions(open_store(), suite_file, shard)
        questions = [question_of(row) for row in rows]
        model = load(settings, vlm)
        prepared = _prepare(model, settings, suite_file, shard, known, rows)
        began = time.monotonic()
        replies = model.answer(prepared, max_new_tokens=benchmarks.max_new_tokens)
        speed = prepared.image_tokens / (time.monotonic() - began)
        log.info("%s: %s image tokens, %s a second", current_run_name(), f"{prepared.image_tokens:,}", f"{speed:,.0f}")
        lines = [
            json.dumps({**asdict(question), "reply": reply, "score": known.score(question, reply)}, ensure_ascii=False)
            for question, reply in zip(questions, replies, strict=True)
        ]
        return {"replies.jsonl": "\n".join(lines).encode()}, {"questions": len(lines), "suite": known.name}

    inputs = {
        "vlm": vlm.fingerprint,
        "suite": suite_file,
        "shard": shard,
        "batch": benchmarks.batch,
        "max_new_tokens": benchmarks.max_new_tokens,
        "prompts": prompts.SETS[settings.prompts].of_questions(),
        "dtype": settings.models.vlm.dtype,
    }
    return once("replies", 4, inputs, compute)


def question_of(row: Mapping[str, Any]) -> Question:
    """The question of a stored row or reply."""
    fields = {name: row[name] for name in Question.__dataclass_fields__}
    return Question(**{**fields, "options": tuple(row["options"])})


_prepared: dict[tuple[object, ...], Prepared] = {}
"""The last shard that was prepared, by what it was prepared from: the next model answers the same one."""


def _prepare(
    model: "LoadedVlm",
    settings: Settings,
    suite_file: ArtifactRef,
    shard: int,
    suite: Suite,
    rows: Sequence[Mapping[str, Any]],
) -> Prepared:
    """The shard's questions as model inputs: decoded and processed once for all models that read them alike."""
    made_of = (suite_file.sha256, shard, settings.benchmarks.batch, settings.prompts, model.processing)
    if made_of in _prepared:
        return _prepared[made_of]
    _prepared.clear()
    said, pictures = prompts.SETS[settings.prompts], _pictures(suite_file, shard, rows)
    asked = [
        Prompt(suite.prompt(question_of(row), said), tuple(pictures[name] for name in row["images"])) for row in rows
    ]
    _prepared[made_of] = model.prepare(asked, batch=settings.benchmarks.batch)
    return _prepared[made_of]


def _pictures(suite_file: ArtifactRef, shard: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The decoded images of a shard by name. Rows about one image share it."""
    images = ShardImages(open_store(), suite_file, shard)
    names = dict.fromkeys(name for row in rows for name in row["images"])
    return {name: read_image(images.read(name), MAX_IMAGE_PIXELS, MAX_IMAGE_BYTES) for name in names}


def read_replies(parts: list[ArtifactRef]) -> list[dict[str, Any]]:
    """All replies of a suite, in the order of its questions."""
    store = open_store()
    return [json.loads(line) for part in parts for line in store.read(part, "replies.jsonl").decode().split("\n")]


def unit_scores(suite: str, parts: list[ArtifactRef]) -> list[float]:
    """One number a unit of the suite, in the order of its questions: what statistics pair and resample."""
    return find_suite(suite).units(read_replies(parts))
