"""What one step of a round would do, read off its inputs: how many units of work, and what the VLM is asked.

A step that is not listed here is one unit of its own kind, so that a new step is counted, and timed by a measurement,
before anybody describes it.
"""

from collections.abc import Callable
from typing import Any

from pydantic import JsonValue

from flows.plan.expectations import Expectations
from flows.plan.records import Asking, Duty, Sights
from models.lessons import find_lesson
from models.worlds import find_suite
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.critique import CritiqueInputs
from tasks.editing import AskedOperations, EditInputs, PlanInputs
from tasks.evaluation import AnswerInputs, shard_questions
from tasks.filtering import EditFilterInputs
from tasks.generation import CaptionInputs
from tasks.judging import JudgementInputs
from tasks.pool import ListingInputs, TakeInputs
from tasks.proving import CritiqueFilterInputs
from tasks.reconstruction import NOISE_CAPTIONS, NoiseInputs, PaintingInputs
from tasks.rewriting import UnionInputs
from tasks.shards import shard_size
from tasks.step import Inputs, Step
from tasks.suites import SuiteInputs
from tasks.training_spec import TrainingInputs
from tasks.versioning import DatasetInputs
from tasks.witness import WitnessInputs
from viper.settings import GrpoStage

CHARACTERS_A_TOKEN = 4
"""Of English text, about."""
OPERATIONS = 2
"""Of an edited picture, about: plans have one to three."""


def duty_of(step: Step[Any], inputs: Inputs, store: ObjectStore, sights: Sights, expected: Expectations) -> Duty:
    """What a step would do with its inputs."""
    plain = {"step": step.name, "kind": kind_of(step.name, inputs), "unit": "call", "units": 1, "roles": step.roles}
    plain["is_shard"] = bool(step.items and step.items(inputs, store))
    say = _DUTIES.get(type(inputs))
    return Duty.model_validate(plain | (say(inputs, store, sights, expected) if say else {}))


def kind_of(step: str, inputs: Any) -> str:
    """By which the rate of a step is known: its name, with suite or stage where these differ in speed."""
    match inputs:
        case SuiteInputs() | AnswerInputs():
            return f"{step} {inputs.suite}"
        case TrainingInputs():
            return f"training {inputs.stage.name}"
    return step


def expected_facts(name: str, inputs: Any, store: ObjectStore, sights: Sights) -> dict[str, JsonValue]:
    """The facts of the step's artifact that later steps and the walk read."""
    match inputs:
        case SuiteInputs():
            rows = _rows(inputs.suite, inputs.limit, sights)
            return {"shards": -(-rows // inputs.shard_questions), "questions": rows}
        case TakeInputs():
            lineage: JsonValue = {"files": len(inputs.files), "rejected": {}}
            return {"images": len(inputs.files), LINEAGE: lineage}
        case DatasetInputs():
            # Enough for every stage to take place: what is planned is a round that does not collapse.
            return {"instructive": 10**9, "counts": {"rows": 0}}
    return {}


def _rows(suite: str, limit: int, sights: Sights) -> int:
    rows = sights.rows[find_suite(suite).name]
    return min(rows, limit) if limit else rows


def _suite(inputs: SuiteInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    return {"unit": "question", "units": _rows(inputs.suite, inputs.limit, sights)}


def _listing(inputs: ListingInputs, *_: object) -> dict[str, Any]:
    return {"unit": "file", "units": inputs.choice.count}


def _take(inputs: TakeInputs, *_: object) -> dict[str, Any]:
    return {"unit": "picture", "units": len(inputs.files)}


def _captions(inputs: CaptionInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    images = shard_size(store, inputs.shard)
    asked = _ask(inputs, images, 1, sights.picture, inputs.prompt, (), expected.caption)
    return {"unit": "caption", "units": images, "model": inputs.vlm.model.fingerprint, "asked": (asked,)}


def _paintings(inputs: PaintingInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    painted = shard_size(store, inputs.shard)
    return {"unit": "painting", "units": painted, "model": "painter", "together": painted}


def _noise(inputs: NoiseInputs, *_: object) -> dict[str, Any]:
    return {"unit": "painting", "units": NOISE_CAPTIONS, "model": "painter", "together": NOISE_CAPTIONS}


def _critiques(inputs: CritiqueInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    images = shard_size(store, inputs.shard)
    drawn, said = images * inputs.critiques, (expected.caption, inputs.max_new_tokens)
    asked = [_ask(inputs, drawn, 2, sights.picture + sights.painting, inputs.prompt, said, expected.critique)]
    if inputs.rewriting.prompt:
        both = (expected.caption + expected.critique, 2 * inputs.max_new_tokens)
        rewritten = images * (expected.rewritten + expected.united)
        asked.append(_ask(inputs, rewritten, 0, 0, inputs.rewriting.prompt, both, expected.caption))
    return {"unit": "critique", "units": drawn, "model": inputs.vlm.model.fingerprint, "asked": tuple(asked)}


def _judgements(inputs: JudgementInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    painted = shard_size(store, inputs.shard) * expected.refined
    return {"unit": "painting", "units": painted, "model": "painter", "together": round(painted)}


def _unions(inputs: UnionInputs, *_: object) -> dict[str, Any]:
    # The captions that a VLM rewrites by all that stands are counted with those that it rewrites by each correction.
    return {"unit": "shard", "roles": ()}


def _refinements(
    inputs: CritiqueFilterInputs, store: ObjectStore, sights: Sights, expected: Expectations
) -> dict[str, Any]:
    painted = shard_size(store, inputs.shard) * expected.united
    return {"unit": "painting", "units": painted, "model": "painter", "together": round(painted)}


def _plans(inputs: PlanInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    written = inputs.written
    if not isinstance(written, AskedOperations):
        return {"unit": "shard", "roles": ()}
    prompts = shard_size(store, written.shard) * inputs.edits_per_image
    said = (expected.caption, written.max_new_tokens)
    asked = _ask(written, prompts, 1, sights.picture, written.prompt, said, expected.operation)
    return {"unit": "plan", "units": prompts, "model": written.vlm.model.fingerprint, "asked": (asked,)}


def _edits(inputs: EditInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    return {"unit": "edit", "units": shard_size(store, inputs.shard) * expected.planned, "model": "editor"}


def _witnesses(inputs: WitnessInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    questions = shard_size(store, inputs.shard) * expected.planned * OPERATIONS
    said = (expected.operation, inputs.max_new_tokens)
    asked = _ask(inputs, questions, 2, 2 * sights.picture, inputs.questioning.prompt, said, expected.reply)
    return {"unit": "question", "units": questions, "model": inputs.vlm.model.fingerprint, "asked": (asked,)}


def _operations(inputs: EditFilterInputs, store: ObjectStore, *_: object) -> dict[str, Any]:
    # A judge alone holds less than beside the painter.
    return {"unit": "picture", "units": shard_size(store, inputs.shard), "roles": ()}


def _dataset(inputs: DatasetInputs, store: ObjectStore, *_: object) -> dict[str, Any]:
    return {"unit": "picture", "units": sum(shard_size(store, shard) for shard in inputs.shards)}


def _training(inputs: TrainingInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    return {"unit": "step", "units": inputs.stage.steps, "model": inputs.stage.name}


def _replies(inputs: AnswerInputs, store: ObjectStore, sights: Sights, expected: Expectations) -> dict[str, Any]:
    suite = find_suite(inputs.suite)
    questions = shard_questions(inputs, store)
    seen = suite.pictures * sights.question_picture
    asked = _ask(inputs, questions, suite.pictures, seen, inputs.wording.multiple_choice, (), expected.reply)
    return {
        "unit": "question",
        "units": questions,
        "model": inputs.vlm.model.fingerprint,
        "asked": (asked,),
    }


def _ask(
    inputs: Any, prompts: float, shown: int, seen: int, prompt: str, said: tuple[float, int] | tuple[()], reply: float
) -> Asking:
    """Prompts of a step; ``said`` is what fills their blanks, in tokens as expected and at most."""
    words = len(prompt) / CHARACTERS_A_TOKEN
    filled, most = said or (0.0, 0)
    return Asking(
        prompts=prompts,
        batch=inputs.batch,
        shown=shown,
        seen=seen,
        text=words + filled,
        longest_text=round(words) + most,
        reply=min(reply, inputs.max_new_tokens),
        longest_reply=inputs.max_new_tokens,
    )


def training_asks(inputs: TrainingInputs, sights: Sights, prompts: dict[str, str], caption: int) -> tuple[int, int]:
    """The tokens of the pictures and of the text of a stage's longest prompt.

    Args:
        inputs: Of the stage.
        sights: What pictures cost.
        prompts: The wording of each lesson.
        caption: Tokens of the longest caption, which fills a blank where the wording has one.
    """
    shown = {lesson: (2 if "edits" in find_lesson(lesson).needs else 1) for lesson in inputs.stage.lessons}
    texts = (len(prompts[one]) // CHARACTERS_A_TOKEN + ("{caption}" in prompts[one]) * caption for one in shown)
    return max(shown.values()) * sights.picture, max(texts)


def rollout_limit(inputs: TrainingInputs) -> int:
    """Tokens of the longest answer that a stage learns from."""
    stage = inputs.stage
    return stage.max_completion_tokens if isinstance(stage, GrpoStage) else CHARACTERS_A_TOKEN * 16


_Say = Callable[[Any, ObjectStore, Sights, Expectations], dict[str, Any]]
_DUTIES: dict[type[Inputs], _Say] = {
    SuiteInputs: _suite,
    ListingInputs: _listing,
    TakeInputs: _take,
    CaptionInputs: _captions,
    PaintingInputs: _paintings,
    CritiqueInputs: _critiques,
    NoiseInputs: _noise,
    JudgementInputs: _judgements,
    UnionInputs: _unions,
    CritiqueFilterInputs: _refinements,
    PlanInputs: _plans,
    EditInputs: _edits,
    WitnessInputs: _witnesses,
    EditFilterInputs: _operations,
    DatasetInputs: _dataset,
    TrainingInputs: _training,
    AnswerInputs: _replies,
}
