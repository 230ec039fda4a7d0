"""The account of a round: counts, tokens, time, memory, disk, and what does not fit."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from flows.plan.expectations import Expectations, estimated
from flows.plan.hands import gpus_used, workers_for
from flows.plan.looks import look
from flows.plan.memory import phases
from flows.plan.rates import Measurement, Rate, estimated_rate, find_measurement
from flows.plan.records import Duty, Line, Phase, Plan, Sights
from flows.plan.rehearsal import Rehearsal, rehearse
from flows.plan.setting import Setting, set_up
from models.locations import is_hub_name
from models.sizes.cards import USABLE, Card
from models.sizes.descriptions import file_bytes
from models.sizes.seconds import LOADED_BYTES_A_S
from models.sizes.weights import components
from tasks.launchers import processes_asked_of
from viper.settings import Settings

TASK_S = 0.03
"""What Prefect takes to run a step as a task, about."""


def make_plan(settings: Settings, card: Card, gpus: int = 0) -> Plan:
    """The plan of a profile's first round.

    Args:
        settings: The profile.
        card: Where its models compute.
        gpus: How many of them there are; 0 for as many as the profile's launcher starts processes.

    Raises:
        ViperError: A model is not there, or nothing is known of its size; a suite is unknown.
    """
    measured = find_measurement(card.name, settings)
    expected = measured.expected if measured else estimated(settings)
    processes = max(1, processes_asked_of(settings.training.launcher))
    gpus = gpus or processes
    with set_up(settings) as setting:
        sights, picture, pixels = look(setting)
        rehearsal = rehearse(setting, sights, expected)
        lines, seconds = _lines(setting, rehearsal, sights, expected, measured, card, pixels, gpus)
        held = phases(setting, rehearsal, sights, measured.runtime if measured else {})
        return Plan(
            profile=settings.name,
            card=card,
            gpus=gpus,
            lines=tuple(lines),
            counts=_counts(rehearsal.duties),
            picture=picture,
            expected=expected,
            phases=tuple(held),
            models={role: one.source for role, one in setting.described.items()},
            download_bytes=_download(setting),
            seconds=seconds,
            faults=(*memory_faults(held, card), *_process_faults(settings, gpus)),
            notes=tuple(_notes(settings, gpus, processes, measured)),
        )


def memory_faults(held: Sequence[Phase], card: Card) -> list[str]:
    """Phases that do not fit a card, with their parts and what to change."""
    room, found = card.memory_bytes * USABLE, []
    for phase in held:
        if phase.parts.total > room:
            parts = ", ".join(f"{name} {_gib(size)}" for name, size in phase.parts.model_dump().items() if size)
            found.append(
                f"{phase.name} needs {_gib(phase.parts.total)} on {phase.device} ({parts}), but of {card.name}'s "
                f"{_gib(card.memory_bytes)} {_gib(room)} can be used. Lower {phase.advice}."
            )
    return found


def _process_faults(settings: Settings, gpus: int) -> list[str]:
    """Whether there are fewer GPUs than processes that train together."""
    processes = processes_asked_of(settings.training.launcher)
    if settings.models.vlm.device == "cpu" or processes <= gpus:
        return []
    return [
        f"training.launcher starts {processes} processes, each with a GPU of its own, but there are {gpus}. Change the "
        f"number in training.launcher, or plan with --gpus {processes}."
    ]


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"


def _lines(
    setting: Setting, rehearsal: Rehearsal, sights: Sights, expected: Expectations, measured: Measurement | None,
    card: Card, pixels: int, gpus: int,
) -> tuple[list[Line], float]:  # fmt: skip
    """The lines by step, in the order of the round, and the wall time of all."""
    kinds: dict[str, list[Duty]] = {}
    for duty in rehearsal.duties:
        kinds.setdefault(duty.kind, []).append(duty)
    lines = []
    known = measured.rates if measured else {}
    for kind, duties in kinds.items():
        rate = known.get(kind) or estimated_rate(
            kind, duties, setting, card, pixels, rehearsal.trainings, sights, expected
        )
        lines.append(_line(kind, duties, rate, setting.asked, gpus))
    loading = _loading(setting, rehearsal, measured)
    merged = [_merged(list(same)) for _, same in groupby(lines, key=_row)]
    return [*merged, loading], sum(line.seconds for line in merged) + loading.seconds


def _line(kind: str, duties: Sequence[Duty], rate: Rate, settings: Settings, gpus: int) -> Line:
    units = sum(duty.units for duty in duties)
    asked = [one for duty in duties for one in duty.asked]
    training = duties[0].roles == ("training",)
    on_gpu, roles = bool(duties[0].roles) and settings.models.vlm.device != "cpu", duties[0].roles
    processes = max(1, processes_asked_of(settings.training.launcher))
    workers = min(workers_for(settings, roles, gpus), len(duties)) if duties[0].is_shard else 1
    # Shards are of one size: the last turn takes as long as the others, however few of them are left for it.
    turns = -(-len(duties) // workers) / len(duties)
    return Line(
        step=kind,
        unit=duties[0].unit,
        units=units,
        prompts=sum(one.prompts for one in asked),
        prompt_tokens=sum(one.prompts * (one.text + one.seen) for one in asked),
        reply_tokens=sum(one.prompts * one.reply for one in asked),
        seconds=units * rate.seconds * turns + TASK_S * len(duties),
        gpus=on_gpu * (processes if training else gpus_used(settings, roles, workers)),
        stored_bytes=units * rate.bytes,
        source=rate.source,
    )


def _row(line: Line) -> str:
    """The row of the account that a line belongs to: suites together, each training by itself."""
    return line.step if line.step.startswith("training ") else line.step.partition(" ")[0]


def _merged(lines: list[Line]) -> Line:
    """The lines of one row."""
    first = lines[0]
    if len(lines) == 1:
        return first
    numbers = ("units", "prompts", "prompt_tokens", "reply_tokens", "seconds", "stored_bytes")
    sums = {name: sum(getattr(line, name) for line in lines) for name in numbers}
    sources = ", ".join(dict.fromkeys(line.source for line in lines))
    return first.model_copy(update={**sums, "step": _row(first), "source": sources})


def _loading(setting: Setting, rehearsal: Rehearsal, measured: Measurement | None) -> Line:
    """Models that are loaded again and again, since no phase keeps those of another."""
    known: Mapping[str, float] = measured.loading_s if measured else {}
    size = {
        role: sum(part.file_bytes for part in components(setting.described["vlm" if role == "training" else role]))
        for role in rehearsal.loads
        if role != "judge" or "judge" in setting.described
    }
    seconds = {role: known.get(role, size.get(role, 0) / LOADED_BYTES_A_S) for role in rehearsal.loads}
    times = sum(rehearsal.loads.values())
    return Line(
        step="loading",
        unit="load",
        units=times,
        prompts=0,
        prompt_tokens=0,
        reply_tokens=0,
        seconds=sum(seconds[role] * count for role, count in rehearsal.loads.items()),
        gpus=0,
        stored_bytes=0,
        source="measured here" if measured else "estimate, 1 GB a second",
    )


def _counts(duties: Sequence[Duty]) -> dict[str, float]:
    """How many there are of each thing that a round makes."""
    by_step: dict[str, float] = {}
    for duty in duties:
        by_step[duty.step] = by_step.get(duty.step, 0) + duty.units
    painted = sum(by_step.get(step, 0) for step in ("paintings", "noise", "judgements", "refinements"))
    return {
        "pictures": by_step.get("pool", 0),
        "captions": by_step.get("captions", 0),
        "paintings": painted,
        "critiques": by_step.get("critiques", 0),
        "edits": by_step.get("edits", 0),
        "answers": by_step.get("replies", 0),
    }


def _download(setting: Setting) -> int:
    """Models, and extra weights of painters, that are not here yet. Roles that share a model share its files."""
    models, missing = setting.asked.models, {}
    for role, described in setting.described.items():
        if not described.here:
            path = setting.asked.judge.path if role == "judge" else getattr(models, role).path
            missing[path] = sum(part.file_bytes for part in components(described))
    for called in (models.painter, models.editor):
        if called.lora and is_hub_name(called.lora):
            missing[f"{called.lora}/{called.lora_file}"] = file_bytes(called.lora, called.lora_file)
    return sum(missing.values())


def _notes(settings: Settings, gpus: int, processes: int, measured: Measurement | None) -> list[str]:
    notes = []
    if gpus > 1 and settings.models.vlm.device != "cpu" and settings.run.workers == "process":
        notes.append(
            f"Synthesis and benchmarks run in one process on one GPU; {gpus} are used by training alone"
            + (f", {processes} of them." if processes < gpus else ".")
            + ' With run.workers = "ray" they use all.'
        )
    notes.append(f"Measured: {measured.taken}" if measured else "Nothing was measured here: viper plan --measure does.")
    return notes
