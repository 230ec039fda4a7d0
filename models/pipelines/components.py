"""Whether a pipeline's folder holds all that its class is made of, found from names and small files."""

import importlib.util
import inspect
from typing import Any

from models.locations import read_description
from models.model_files import DIFFUSERS, PROCESSORS, TOKENIZERS, TRANSFORMERS, files_of
from models.pipelines.families import find_family
from models.pipelines.family import PipelineFamily, Role
from models.pipelines.omnigen2 import OMNIGEN2
from viper.errors import ModelError
from viper.settings import DiffusionSettings

OMNIGEN2_PARTS: dict[str, Any] = {
    "transformer": ["diffusers", "OmniGen2Transformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "mllm": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
    "processor": ["transformers", "Qwen2_5_VLProcessor"],
}


def check_parts(settings: DiffusionSettings, role: Role) -> None:
    """Make sure that each component is named and there, with its weights; and the extra weights.

    Args:
        settings: Of the pipeline.
        role: What it is to do.

    Raises:
        ModelError: One is not, or it is of code of its own, which is never run.
    """
    what = f"models.{role}"
    files = files_of(f"{what}.path", settings.path, settings.revision)
    if settings.lora:
        files_of(f"{what}.lora", settings.lora, settings.lora_revision).need(settings.lora_file)
    index = read_description(settings.path, settings.revision, "model_index.json")
    family = find_family(index.get("_class_name"), role, settings.path)
    if str(index["_class_name"]) in OMNIGEN2:  # its index names code of its own, in place of which its package is used
        index = OMNIGEN2_PARTS
    _check_named(settings, family, index)
    for name, part in index.items():
        if not isinstance(part, list) or len(part) != 2 or part[0] is None:
            continue
        library, kind = map(str, part)
        own = library not in ("diffusers", "transformers")
        if own and importlib.util.find_spec(f"diffusers.pipelines.{library.partition('.')[0]}") is None:
            raise ModelError(
                f"The {name} of {files.path} is of {library!r}, which is code of its own. No code of a model folder is "
                "run. Choose a model whose model_index.json names classes of diffusers and transformers."
            )
        if "Scheduler" in kind:
            files.need(f"{name}/scheduler_config.json")
        elif "Tokenizer" in kind:
            files.need(*(f"{name}/{file}" for file in TOKENIZERS))
        elif "Processor" in kind or "Extractor" in kind:
            files.need(*(f"{name}/{file}" for file in PROCESSORS))
        else:
            files.need(f"{name}/config.json")
            files.need_weights(DIFFUSERS if library == "diffusers" else TRANSFORMERS, name)


def _check_named(settings: DiffusionSettings, family: PipelineFamily, index: dict[str, Any]) -> None:
    """The index names all that the family needs, and that the settings speak of."""
    asked = settings.quantized_components if settings.quantization != "none" else ()
    asked += ("vae",) if settings.vae_tiling or settings.vae_slicing else ()
    named = [name for name, part in index.items() if isinstance(part, list) and part[0] is not None]
    for name in (*family.parts, *asked):
        if name not in named:
            raise ModelError(
                f"{settings.path} has no component {name!r}, which {family.name} or its settings need. It has: "
                f"{', '.join(named)}. Fetch the model anew, or leave out what the settings say of it."
            )


def check_scheduler(settings: DiffusionSettings) -> None:
    """Make sure that the scheduler knows the entries that the settings change.

    Raises:
        ModelError: It has no such entry; those that it has are named.
    """
    if not settings.scheduler:
        return
    import diffusers

    name = str(read_description(settings.path, settings.revision, "model_index.json")["scheduler"][1])
    own = read_description(settings.path, settings.revision, "scheduler/scheduler_config.json")
    known = {*own, *inspect.signature(getattr(diffusers, name).__init__).parameters} - {"self", "kwargs"}
    unknown = [entry for entry in settings.scheduler if entry not in known]
    if unknown:
        raise ModelError(
            f"The scheduler of {settings.path}, {name}, has no {unknown[0]!r}. It has: "
            f"{', '.join(sorted(entry for entry in known if not entry.startswith('_')))}."
        )
