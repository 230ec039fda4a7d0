"""The memory of each step with models, by part and device: its own roles' models and what they compute with.

Nothing else is there meanwhile: a worker lets the models of other roles go before a step (``tasks.worker``), and a
training has a process of its own, for which all others left.
"""

from collections.abc import Iterator, Mapping

from flows.plan.duties import rollout_limit, training_asks
from flows.plan.records import Duty, Phase, Sights
from flows.plan.rehearsal import Rehearsal
from flows.plan.setting import Setting
from models.lessons import find_lesson
from models.sizes.language import learning_layers, learning_numbers, shape_of
from models.sizes.memory import Asked, Parts, answering, training
from models.sizes.painting import judge_memory, painter_shape, pipeline_memory
from models.sizes.weights import BYTES, components
from tasks.launchers import processes_asked_of
from tasks.training_spec import TrainingInputs

RUNTIME = {"cpu": 700 * 2**20}
"""Of a process that loaded torch, transformers and diffusers: an estimate, which a measurement replaces."""
CONTEXT = 600 * 2**20
"""What an accelerator keeps for a process beside its tensors: an estimate, which a measurement replaces."""
ADVICE = {
    "vlm": "synthesis.batch, synthesis.max_new_tokens or models.vlm.max_pixels",
    "replies": "benchmarks.batch, benchmarks.max_new_tokens or models.vlm.max_pixels",
    "painter": (
        "models.painter.batch, models.painter.side_px or synthesis.shard_images, or set models.painter.quantization, "
        "vae_slicing or offload, or put the judge on another device"
    ),
    "editor": "models.editor.batch or models.editor.side_px, or set models.editor.quantization, vae_slicing or offload",
    "training": (
        "the stage's micro_batch, prompts_per_step or max_completion_tokens, train with method = 'lora', or share the "
        "step by more processes in training.launcher, which also divide the weights with training.sharding = 'fsdp2'"
    ),
}
"""What to lower or change where a role's step does not fit."""


def phases(setting: Setting, rehearsal: Rehearsal, sights: Sights, runtime: Mapping[str, int]) -> list[Phase]:
    """Every kind of step with models, in order, with its largest need.

    Args:
        setting: Of the rehearsal.
        rehearsal: What steps would do.
        sights: What pictures cost.
        runtime: Measured bytes of the process itself, by step.
    """
    found: dict[tuple[str, str], Phase] = {}
    for duty in {(one.step, one.models, one.together, one.asked): one for one in rehearsal.duties}.values():
        for phase in _phases_of(duty, setting):
            before = found.get((phase.name, phase.device))
            if before is None or before.parts.total < phase.parts.total:
                found[phase.name, phase.device] = phase
    for inputs in rehearsal.trainings:
        phase = training_phase(inputs, setting, sights)
        found[phase.name, phase.device] = phase
    return [_with_runtime(phase, runtime) for phase in found.values()]


def _with_runtime(phase: Phase, runtime: Mapping[str, int]) -> Phase:
    own = runtime.get(phase.name, RUNTIME["cpu"] if phase.device == "cpu" else CONTEXT)
    return phase.model_copy(update={"parts": phase.parts + Parts(runtime=own)})


def _phases_of(duty: Duty, setting: Setting) -> Iterator[Phase]:
    if not duty.roles or duty.roles == ("training",):
        return
    models, role = setting.asked.models, duty.roles[0]
    advice = ADVICE.get(duty.step, ADVICE[role])
    if role == "vlm" and models.vlm.serving.engine == "endpoint":
        return  # the servers' memory is theirs
    if role == "vlm":
        yield Phase(name=duty.step, device=models.vlm.device, parts=_asked(duty, setting), advice=advice)
        return
    called = models.painter if role == "painter" else models.editor
    sizes = components(setting.described[role])
    batch = called.batch if duty.units > called.batch else max(1, round(duty.units))
    parts = pipeline_memory(called, sizes, painter_shape(setting.described[role], sizes), batch)
    judge = setting.described.get("judge") if "judge" in duty.roles else None
    if judge is not None:
        device = setting.asked.judge.device
        looking = judge_memory(judge.folder, components(judge)[0].parameters, duty.together)
        if device == called.device:
            # The judge looks when all is painted: what both compute is not there at once.
            most = max(parts.activations, looking.activations)
            parts = Parts(weights=parts.weights + looking.weights, activations=most)
        else:
            yield Phase(name=f"{duty.step} judged", device=device, parts=looking, advice=advice)
    yield Phase(name=duty.step, device=called.device, parts=parts, advice=advice)


def _asked(duty: Duty, setting: Setting) -> Parts:
    """The VLMs that a step holds, each with an adapter, and the largest of its batches."""
    vlm, folder, learns = setting.asked.models.vlm, setting.described["vlm"].folder, setting.asked.training
    shape, width = shape_of(folder), BYTES[vlm.dtype]
    adapter = learning_numbers(folder, learns) * 4 if learns.method == "lora" else 0
    batches = (
        answering(
            shape,
            width,
            min(one.batch, max(1, round(one.prompts))),
            Asked(text=one.longest_text, pictures=one.seen, reply=one.longest_reply),
        )
        for one in duty.asked
    )
    peak = max(batches, key=lambda parts: parts.total)
    # A shard's questions are prepared at once, in main memory, for all models that answer it.
    waiting = sum(one.prompts * one.seen for one in duty.asked) if duty.step == "replies" and vlm.device == "cpu" else 0
    prepared = Parts(activations=round(waiting * shape.patches_a_token * shape.patch_numbers * BYTES["float32"]))
    return Parts(weights=duty.models * (shape.parameters * width + adapter)) + peak + prepared


def training_phase(inputs: TrainingInputs, setting: Setting, sights: Sights) -> Phase:
    """A process of a stage, with the model of the reward where that is on the same device."""
    settings, folder = setting.asked, setting.described["vlm"].folder
    vlm, similarity, learns = settings.models.vlm, settings.models.similarity, settings.training
    kind = vlm.device.partition(":")[0]
    limits = longest_prompt(inputs, setting, sights)
    parts = training(
        shape_of(folder),
        BYTES[vlm.dtype],
        learning_numbers(folder, learns),
        learning_layers(folder, learns),
        inputs.stage,
        learns,
        limits,
        max(1, processes_asked_of(learns.launcher)),
        recomputes=kind != "cpu",
    )
    if inputs.reinforcement and similarity.device.partition(":")[0] == kind:
        reward = components(setting.described["similarity"])[0].parameters * BYTES[similarity.dtype]
        parts += Parts(weights=reward)
    name = f"training {inputs.stage.name}"
    return Phase(name=name, device=kind, parts=parts, advice=ADVICE["training"])


def longest_prompt(inputs: TrainingInputs, setting: Setting, sights: Sights) -> Asked:
    """Tokens of the longest prompt of a stage, and of its longest answer."""
    worded = setting.cut.world.prompts
    prompts = {lesson: find_lesson(lesson).prompt(worded) for lesson in inputs.stage.lessons}
    pictures, text = training_asks(inputs, sights, prompts, setting.asked.synthesis.max_new_tokens)
    return Asked(text=text, pictures=pictures, reply=rollout_limit(inputs))
