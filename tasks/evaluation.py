"""Benchmarks: models answer fixed suites shard by shard; raw replies stay with their scores."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from models.prompts import Wording
from models.suites.suite import Question
from models.worlds import find_suite
from storage.images import read_image
from storage.objects import ObjectStore
from storage.suite_shards import ShardImages, read_questions
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.pictures import ACCEPTED
from viper.records import ArtifactRef, PixelLimits, VlmUse

if TYPE_CHECKING:
    from models.roles import Answerer

log = logging.getLogger("viper")
REPLIES = "replies.jsonl"


class AnswerInputs(Inputs):
    """What decides a model's replies to one shard of a suite."""

    vlm: VlmUse
    suite: str
    file: ArtifactRef
    """The fixed suite."""
    shard: int
    """Counts from 0."""
    wording: Wording
    batch: int
    """Questions a generation pass: it moves the last bits."""
    max_new_tokens: int

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"{self.vlm.model.name} answers {self.suite} {self.shard}"


def shard_questions(inputs: AnswerInputs, store: ObjectStore) -> int:
    """How many questions a shard has, about: the last one has what is left."""
    meta = store.manifest(inputs.file).meta
    rows, shards = int(str(meta["questions"])), int(str(meta["shards"]))
    return rows // shards + (inputs.shard < rows % shards)


@step("replies", 7, roles=("vlm",), items=shard_questions)
def answer_questions(inputs: AnswerInputs, worker: Worker) -> Made:
    """``replies.jsonl``: one line a question with its fields, the raw reply, the score and whether it is an answer.

    Facts: how it was asked.
    """
    suite = find_suite(inputs.suite)
    rows = read_questions(worker.store, inputs.file, inputs.shard)
    questions = [question_of(row) for row in rows]
    vlm = worker.vlm(inputs.vlm)
    # Decoded and processed once for all models that read them alike: the next one answers the same shard.
    made_of = (inputs.file.sha256, inputs.shard, inputs.batch, inputs.wording, vlm.processing)
    prepared = worker.remember("prepared questions", made_of, lambda: _prepare(inputs, worker.store, vlm, rows))
    began = time.monotonic()
    replies = vlm.answer(prepared, max_new_tokens=inputs.max_new_tokens)
    speed = prepared.image_tokens / (time.monotonic() - began)
    log.info("%s: %s image tokens, %s a second", worker.doing, f"{prepared.image_tokens:,}", f"{speed:,.0f}")
    lines = [
        json.dumps({**asdict(question), "reply": reply, **suite.marks(question, reply)}, ensure_ascii=False)
        for question, reply in zip(questions, replies, strict=True)
    ]
    facts: dict[str, JsonValue] = {"questions": len(lines), "suite": suite.name}
    facts |= {"max_new_tokens": inputs.max_new_tokens, "pixels": pixels_text(vlm.family.pixel_limits(vlm.processor))}
    facts |= {"photograph_tokens": vlm.photograph_tokens}
    return Made({REPLIES: "\n".join(lines).encode()}, facts)


def pixels_text(limits: PixelLimits | None) -> str:
    """Limits as they stand beside a figure."""
    return f"{limits.min_pixels:,} to {limits.max_pixels:,}" if limits else "the processor's own"


def asked_text(store: ObjectStore, replies: Mapping[str, Mapping[str, Sequence[ArtifactRef]]], suite: str) -> str:
    """How a suite was asked: the pixels of a picture, smallest and largest, what a photograph costs, tokens of a reply.

    Args:
        store: Where the replies lie.
        replies: By role, then suite: a model's shards. Where roles were asked in several ways, they are named.
        suite: Which one.

    Returns:
        The text; empty for replies that an earlier version stored.
    """
    told: dict[str, list[str]] = {}
    for role, suites in replies.items():
        facts = store.manifest(suites[suite][0]).meta
        cost = f" (a photograph: {facts['photograph_tokens']} tokens)" if "photograph_tokens" in facts else ""
        text = f"pixels {facts['pixels']}{cost}, tokens {facts['max_new_tokens']}" if "pixels" in facts else ""
        told.setdefault(text, []).append(role)
    return (
        "; ".join(f"{', '.join(roles)}: {text}" for text, roles in told.items()) if len(told) > 1 else next(iter(told))
    )


def question_of(row: Mapping[str, Any]) -> Question:
    """The question of a stored row or reply."""
    fields = {name: row[name] for name in Question.__dataclass_fields__}
    return Question(**{**fields, "options": tuple(row["options"])})


def _prepare(inputs: AnswerInputs, store: ObjectStore, vlm: "Answerer", rows: Sequence[Mapping[str, Any]]) -> Any:
    """The shard's questions as model inputs."""
    from models.prompt_reader import Prompt

    suite, pictures = find_suite(inputs.suite), _pictures(store, inputs.file, inputs.shard, rows)
    asked = [
        Prompt(suite.prompt(question_of(row), inputs.wording), tuple(pictures[name] for name in row["images"]))
        for row in rows
    ]
    return vlm.prepare(asked, batch=inputs.batch)


def _pictures(store: ObjectStore, file: ArtifactRef, shard: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The decoded images of a shard by name. Rows about one image share it."""
    images = ShardImages(store, file, shard)
    names = dict.fromkeys(name for row in rows for name in row["images"])
    return {name: read_image(images.read(name), ACCEPTED) for name in names}


def read_replies(store: ObjectStore, parts: Sequence[ArtifactRef]) -> list[dict[str, Any]]:
    """All replies of a suite, in the order of its questions."""
    return [json.loads(line) for part in parts for line in store.read(part, REPLIES).decode().split("\n")]


def unit_scores(store: ObjectStore, suite: str, parts: Sequence[ArtifactRef]) -> list[float]:
    """One number a unit of the suite, in the order of its questions: what statistics pair and resample."""
    return find_suite(suite).units(read_replies(store, parts))
