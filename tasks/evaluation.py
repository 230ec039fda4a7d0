"""Benchmarks: suites are fixed in the store, models answer them shard by shard, raw replies stay with their scores."""

import io
import json
from pathlib import Path
from typing import Any

from prefect import State
from pydantic import JsonValue

from models import prompts
from models.benchmarks import Question, prompt_for, read_questions, score_reply
from tasks.generation import load
from tasks.step import Entries, once, open_store, step_task
from viper.errors import SuiteError
from viper.records import ArtifactRef, Vlm
from viper.settings import BenchmarkSettings, Settings

EMBEDDED = "shapes:"
"""What the addresses of the embedded world's suites begin with."""


def check_suites(settings: BenchmarkSettings) -> None:
    """Make sure that every suite can be read, before any work starts.

    Raises:
        SuiteError: A suite is unknown or its file is missing.
    """
    if settings.folder.startswith(EMBEDDED):
        from models.shapes.suites import SETS, SUITES

        if settings.folder not in SETS:
            raise SuiteError(f"There are no suites {settings.folder!r}. The embedded world has: {', '.join(SETS)}.")
        unknown = [suite for suite in settings.suites if suite not in SUITES]
        if unknown:
            raise SuiteError(f"Unknown suites {', '.join(unknown)}. The embedded world has: {', '.join(SUITES)}.")
        return
    missing = [suite for suite in settings.suites if not (Path(settings.folder) / f"{suite}.tsv").is_file()]
    if missing:
        raise SuiteError(
            f"{settings.folder} has no file {', '.join(f'{suite}.tsv' for suite in missing)}. Put VLMEvalKit's TSV "
            "files there, or take the suites out of benchmarks.suites."
        )


@step_task(name="fix suite", task_run_name="fix suite {suite}")
def fix_suite(settings: Settings, suite: str) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``suite``: ``<suite>.tsv`` as it is asked; facts: number of questions and of shards."""
    benchmarks = settings.benchmarks

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        if benchmarks.folder.startswith(EMBEDDED):
            from models.shapes.suites import write_suite

            data = write_suite(suite, benchmarks.limit, benchmarks.folder)
        else:
            data = (Path(benchmarks.folder) / f"{suite}.tsv").read_bytes()
        count = sum(1 for _ in read_questions(io.StringIO(data.decode("utf-8")), suite))
        count = min(count, benchmarks.limit) if benchmarks.limit else count
        shards = -(-count // benchmarks.shard_questions)
        return {f"{suite}.tsv": data}, {"questions": count, "shards": shards, "suite": suite}

    source = benchmarks.folder
    if not source.startswith(EMBEDDED):
        stat = (Path(source) / f"{suite}.tsv").stat()
        source = f"{source} {stat.st_size} {stat.st_mtime_ns}"
    sizes = benchmarks.model_dump(include={"limit", "shard_questions"})
    inputs = {"suite": suite, "source": source, **sizes}
    return once("suite", 1, inputs, compute)


def shard_count(suite_file: ArtifactRef) -> int:
    """Number of shards of a fixed suite."""
    count = open_store().manifest(suite_file).meta["shards"]
    assert isinstance(count, int)
    return count


def _questions(suite_file: ArtifactRef, settings: BenchmarkSettings, shard: int) -> tuple[str, list[Question]]:
    store = open_store()
    facts = store.manifest(suite_file).meta
    suite, total = str(facts["suite"]), int(str(facts["questions"]))
    text = io.StringIO(store.read(suite_file, f"{suite}.tsv").decode("utf-8"))
    first = shard * settings.shard_questions
    last = min(total, first + settings.shard_questions)
    return suite, [question for i, question in enumerate(read_questions(text, suite)) if first <= i < last]


@step_task(name="answer questions", task_run_name="{vlm.name} answers {suite} {shard}")
def answer_questions(
    settings: Settings, vlm: Vlm, suite: str, suite_file: ArtifactRef, shard: int
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``replies``: ``replies.jsonl``, one line a question with index, category, raw reply and score."""
    benchmarks = settings.benchmarks

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        name, questions = _questions(suite_file, benchmarks, shard)
        asked = [prompt_for(question, prompts.SETS[settings.prompts]) for question in questions]
        model = load(settings, vlm)
        replies = model.generate(asked, max_new_tokens=benchmarks.max_new_tokens, batch=benchmarks.batch)
        lines = [
            json.dumps(
                {
                    "index": question.index,
                    "category": question.category,
                    "reply": reply,
                    "answer": question.answer,
                    "score": score_reply(question, reply, name),
                },
                ensure_ascii=False,
            )
            for question, reply in zip(questions, replies, strict=True)
        ]
        return {"replies.jsonl": "\n".join(lines).encode()}, {"questions": len(lines)}

    inputs = {
        "vlm": vlm.fingerprint,
        "suite": suite_file,
        "shard": shard,
        "batch": benchmarks.batch,
        "shard_questions": benchmarks.shard_questions,
        "max_new_tokens": benchmarks.max_new_tokens,
        "prompts": settings.prompts,
        "dtype": settings.models.vlm.dtype,
    }
    return once("replies", 1, inputs, compute)


def read_replies(parts: list[ArtifactRef]) -> list[dict[str, Any]]:
    """All replies of a suite, in the order of its questions."""
    store = open_store()
    return [json.loads(line) for part in parts for line in store.read(part, "replies.jsonl").decode().splitlines()]


def mean_reply_words(replies: list[dict[str, Any]]) -> float:
    """Mean number of words of the replies."""
    return sum(len(reply["reply"].split()) for reply in replies) / max(1, len(replies))
