"""Seconds and stored bytes of a unit of work: as measured on this machine, or estimated by arithmetic."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from flows.plan.expectations import Expectations
from flows.plan.memory import longest_prompt
from flows.plan.records import Duty, Sights
from flows.plan.setting import Setting
from models.locations import PIPELINE
from models.pipelines.families import known_families
from models.sizes.cards import Card
from models.sizes.language import learning_numbers, shape_of
from models.sizes.memory import ADAM_BYTES, MASTER_BYTES, Asked
from models.sizes.painting import painter_shape
from models.sizes.seconds import answering_seconds, painting_seconds, step_seconds
from models.sizes.weights import BYTES, components
from tasks.launchers import processes_asked_of
from tasks.training_spec import TrainingInputs
from viper.environment import home
from viper.records import Record
from viper.settings import Settings

MEASURED, ESTIMATE = "measured here", "estimate"
PNG_BYTES = 1.5
"""Of a photograph's pixel in a PNG file, about."""
PNG_S = 0.15
"""Of a core, to pack a million pixels into a PNG file or to read them, about."""
TEXT_BYTES = 1_000
"""Of what a step keeps of a text and its figures, about."""
MEGAPIXEL_PX = 1_024
UNDECIDED = ("name", "evolution", "seed", "gate", "collapse", "ablation", "filter", "run")
SIZES = {"pool": ("images_per_round",), "benchmarks": ("limit",)}
"""What does not change how fast a unit of work is: everything else is in the fingerprint of a measurement."""


class Rate(Record):
    """Of one kind of work."""

    seconds: float
    """A unit, on the devices that the profile gives it."""
    bytes: float
    """That a unit leaves in the store."""
    source: str


class Measurement(Record):
    """What ``viper plan --measure`` found on one machine, for profiles that do the same work in any amount."""

    card: str
    taken: str
    """When, and what else the machine did meanwhile."""
    expected: Expectations
    rates: dict[str, Rate]
    """By kind of work."""
    loading_s: dict[str, float]
    """Of a role's models; of a training, until its first step."""
    runtime: dict[str, int]
    """Bytes that a process held at its peak beyond what arithmetic says of its models, by step."""


def fingerprint(settings: Settings) -> str:
    """Of everything in a profile that decides how fast a unit of its work is, 12 hex digits."""
    values = {name: value for name, value in settings.model_dump(mode="json").items() if name not in UNDECIDED}
    for section, names in SIZES.items():
        values[section] = {name: value for name, value in values[section].items() if name not in names}
    counted = ("steps", "checkpoint_steps", "warmup_steps")
    stages = [{k: v for k, v in stage.items() if k not in counted} for stage in values["training"]["stages"]]
    values["training"] = {**values["training"], "stages": stages}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def measurement_file(card: str, settings: Settings) -> Path:
    """Where the measurement of a card and a profile is kept."""
    return home() / "plan" / f"{card.lower().replace(' ', '-')}-{fingerprint(settings)}.json"


def find_measurement(card: str, settings: Settings) -> Measurement | None:
    """What was measured on this machine with this card for this profile, if it was."""
    file = measurement_file(card, settings)
    return Measurement.model_validate_json(file.read_text(encoding="utf-8")) if file.is_file() else None


def estimated_rate(
    kind: str, duties: Sequence[Duty], setting: Setting, card: Card, pixels: int, trainings: Sequence[TrainingInputs],
    sights: Sights, expected: Expectations,
) -> Rate:  # fmt: skip
    """The rate of a kind of work that nobody measured.

    Args:
        kind: Of the work.
        duties: All of this kind.
        setting: Of the rehearsal.
        card: Where models compute.
        pixels: Of a picture of the pool.
        trainings: Stages of the round.
        sights: What pictures cost.
        expected: How long texts will be.
    """
    first, models = duties[0], setting.asked.models
    if first.roles == ("training",):
        (inputs,) = (one for one in trainings if f"training {one.stage.name}" == kind)
        return _training_rate(inputs, setting, card, sights, expected)
    if first.asked:
        units = sum(duty.units for duty in duties)
        seconds = sum(_asked_seconds(duty, setting, card) for duty in duties)
        return Rate(seconds=seconds / units, bytes=TEXT_BYTES, source=f"{ESTIMATE}, {card.name} ({card.source})")
    if first.roles:
        role = "painter" if "painter" in first.roles else "editor"
        called, described = getattr(models, role), setting.described[role]
        shape = painter_shape(described, components(described))
        operations = (1 + setting.asked.synthesis.max_operations) / 2 if role == "editor" else 1
        source_px = _source_px(setting) if role == "editor" else 0
        seconds = painting_seconds(shape, card, called, source_px) * operations
        kept = pixels if role == "editor" else called.side_px**2
        source = f"{ESTIMATE}, {card.name} ({card.source})"
        return Rate(seconds=seconds + PNG_S * kept / 1e6, bytes=PNG_BYTES * kept, source=source)
    return _light(kind, pixels)


def _source_px(setting: Setting) -> int:
    """Side of a square with as many pixels as an editor sees of its source: Qwen's see a megapixel of any."""
    index = setting.described["editor"].read(PIPELINE)
    family = known_families().get(str(index.get("_class_name")))
    return MEGAPIXEL_PX if family and family.qwen_processor else setting.asked.models.editor.side_px


def _light(kind: str, pixels: int) -> Rate:
    """Work without models: mostly pictures that are read and written."""
    packing = PNG_S * pixels / 1e6
    known = {
        "pool": (0.002 + packing, PNG_BYTES * pixels),
        "operations": (0.003 + 2 * packing, TEXT_BYTES),
        "dataset": (0.002, TEXT_BYTES),
        "listing": (0.0001, 100.0),
        "hashes": (0.5, 100_000.0),
        "verdict": (5.0, 10_000.0),
    }
    seconds, size = known.get(kind, (0.003, TEXT_BYTES) if kind.startswith("suite ") else (0.1, TEXT_BYTES))
    return Rate(seconds=seconds, bytes=size, source=f"{ESTIMATE}, one core")


def _asked_seconds(duty: Duty, setting: Setting, card: Card) -> float:
    vlm = setting.asked.models.vlm
    shape = shape_of(setting.described["vlm"].folder)
    return sum(
        answering_seconds(
            shape,
            card,
            BYTES[vlm.dtype],
            one.prompts,
            one.batch,
            Asked(text=round(one.text), pictures=one.seen, reply=round(one.reply)),
        )
        for one in duty.asked
    )


def _training_rate(
    inputs: TrainingInputs, setting: Setting, card: Card, sights: Sights, expected: Expectations
) -> Rate:  # fmt: skip
    settings, folder, stage = setting.asked, setting.described["vlm"].folder, inputs.stage
    longest = longest_prompt(inputs, setting, sights)
    text = longest.text - max(0, settings.synthesis.max_new_tokens - round(expected.caption))
    asked = Asked(text=max(1, text), pictures=longest.pictures, reply=max(1, round(expected.rollout[stage.name])))
    processes = max(1, processes_asked_of(settings.training.launcher))
    width = BYTES[settings.models.vlm.dtype]
    seconds = step_seconds(shape_of(folder), card, width, stage, settings.training, asked, processes)
    learning = learning_numbers(folder, settings.training)
    checkpoints = (
        MASTER_BYTES + ADAM_BYTES
    ) * learning / stage.checkpoint_steps + MASTER_BYTES * learning / stage.steps
    return Rate(seconds=seconds, bytes=checkpoints, source=f"{ESTIMATE}, {card.name} ({card.source})")
