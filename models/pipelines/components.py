"""Whether a pipeline's folder holds all that its class is made of, found from names and small files."""

import importlib.util
import inspect
from typing import Any

from models.locations import read_description
from models.model_files import DIFFUSERS, PROCESSORS, TOKENIZERS, TRANSFORMERS, files_of
from models.pipelines.loading import pipeline_class
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


def check_parts(settings: DiffusionSettings, what: str) -> None:
    """Make sure that each component which the index names is there, with its weights; and the extra weights.

    Args:
        settings: Of the pipeline.
        what: The setting that names it, such as ``models.painter``.

    Raises:
        ModelError: One is not, or it names code of its own, which is never run.
    """
    files = files_of(f"{what}.path", settings.path, settings.revision)
    if settings.lora:
        files_of(f"{what}.lora", settings.lora, settings.lora_revision).need(settings.lora_file)
    index = read_description(settings.path, settings.revision, "model_index.json")
    if str(index["_class_name"]) in OMNIGEN2:  # its index names code of its own, in place of which its package is used
        index = OMNIGEN2_PARTS
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


def check_class(settings: DiffusionSettings) -> None:
    """Make sure that the pipeline's class gets all that it needs, and the scheduler what it knows.

    Raises:
        ModelError: A component is not named, or the settings ask for what the scheduler lacks.
    """
    index = read_description(settings.path, settings.revision, "model_index.json")
    if str(index["_class_name"]) in OMNIGEN2:
        return
    kind = pipeline_class(str(index["_class_name"]))
    parameters = inspect.signature(kind.__init__).parameters
    needed = [name for name, one in parameters.items() if name != "self" and one.default is one.empty]
    for name in needed:
        if name not in kind._optional_components and (index.get(name) or [None])[0] is None:
            raise ModelError(
                f"model_index.json of {settings.path} names no {name}, without which a {kind.__name__} does not work. "
                "Fetch the model anew."
            )
    options = (*settings.quantized_components,) if settings.quantization != "none" else ()
    options += ("vae",) if settings.vae_tiling or settings.vae_slicing else ()
    for name in options:
        if (index.get(name) or [None])[0] is None:
            raise ModelError(f"{settings.path} has no component {name!r}, which its settings speak of. Take it out.")
    if settings.scheduler:
        check_scheduler(settings, str(index["scheduler"][1]))


def check_scheduler(settings: DiffusionSettings, name: str) -> None:
    """Make sure that a scheduler knows the entries that the settings change.

    Raises:
        ModelError: It has no such entry; those that it has are named.
    """
    import diffusers

    own = read_description(settings.path, settings.revision, "scheduler/scheduler_config.json")
    known = {*own, *inspect.signature(getattr(diffusers, name).__init__).parameters} - {"self", "kwargs"}
    unknown = [entry for entry in settings.scheduler if entry not in known]
    if unknown:
        raise ModelError(
            f"The scheduler of {settings.path}, {name}, has no {unknown[0]!r}. It has: "
            f"{', '.join(sorted(entry for entry in known if not entry.startswith('_')))}."
        )
