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
from models.suites.suite import Question
from models.vlm import Prompt
from storage.images import read_image
from storage.suite_shards import ShardImages, read_questions
from tasks.generation import load
from tasks.step import Entries, current_run_name, once, open_store, step_task
from tasks.suites import MAX_IMAGE_PIXELS
from viper.records import ArtifactRef, Vlm
from viper.settings import Settings

if TYPE_CHECKING:
    from models.vlm import Vlm as LoadedVlm

log = logging.getLogger("viper")


@step_task(name="answer questions", task_run_name="{vlm.name} answers {suite} {shard}")
def answer_questions(
    settings: Settings, vlm: Vlm, suite: str, suite_file: ArtifactRef, shard: int
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``replies``: ``replies.jsonl``, one line a question with its fields, the raw reply and the score."""
    benchmarks, known = settings.benchmarks, find_suite(suite)

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        rows = read_questions(open_store(), suite_file, shard)
        questions = [question_of(row) for row in rows]
        said = prompts.SETS[settings.prompts]
        pictures = _pictures(suite_file, shard, rows)
        asked = [
            Prompt(known.prompt(question, said), tuple(pictures[name] for name in row["images"]))
            for question, row in zip(questions, rows, strict=True)
        ]
        replies = _generate(load(settings, vlm), asked, benchmarks.max_new_tokens, benchmarks.batch)
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
        "prompts": settings.prompts,
        "dtype": settings.models.vlm.dtype,
    }
    return once("replies", 2, inputs, compute)


def question_of(row: Mapping[str, Any]) -> Question:
    """The question of a stored row or reply."""
    fields = {name: row[name] for name in Question.__dataclass_fields__}
    return Question(**{**fields, "options": tuple(row["options"])})


def _pictures(suite_file: ArtifactRef, shard: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The decoded images of a shard by name. Rows about one image share it."""
    images = ShardImages(open_store(), suite_file, shard)
    names = dict.fromkeys(name for row in rows for name in row["images"])
    return {name: read_image(images.read(name), MAX_IMAGE_PIXELS, MAX_IMAGE_BYTES) for name in names}


def _generate(model: "LoadedVlm", asked: Sequence[Prompt], max_new_tokens: int, batch: int) -> list[str]:
    seen, began = model.image_tokens, time.monotonic()
    replies = model.generate(asked, max_new_tokens=max_new_tokens, batch=batch)
    seconds, tokens = time.monotonic() - began, model.image_tokens - seen
    log.info("%s: %s image tokens, %s a second", current_run_name(), f"{tokens:,}", f"{tokens / seconds:,.0f}")
    return replies


def read_replies(parts: list[ArtifactRef]) -> list[dict[str, Any]]:
    """All replies of a suite, in the order of its questions."""
    store = open_store()
    return [json.loads(line) for part in parts for line in store.read(part, "replies.jsonl").decode().split("\n")]


def unit_scores(suite: str, parts: list[ArtifactRef]) -> list[float]:
    """One number a unit of the suite, in the order of its questions: what statistics pair and resample."""
    return find_suite(suite).units(read_replies(parts))
