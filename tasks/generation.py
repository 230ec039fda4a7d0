"""Captions of a shard, by the synthesizing VLM."""

from pathlib import Path

from prefect import State
from pydantic import JsonValue

from models import prompts
from models.vlm import Prompt, load_vlm
from models.vlm import Vlm as LoadedVlm
from tasks.shards import shard_images
from tasks.step import Entries, fingerprint, model_settings, once, step_task, to_json, worker_model
from viper.errors import ModelError
from viper.records import ArtifactRef, ModelRef, Shard
from viper.settings import Settings


def load(settings: Settings, vlm: ModelRef) -> LoadedVlm:
    """The VLM of this worker."""
    return worker_model(load_vlm, model_settings(settings, vlm), vlm.adapter)


def with_adapter(settings: Settings, folder: Path) -> ModelRef:
    """The base model with the LoRA adapter in a folder.

    Raises:
        ModelError: The folder holds no adapter.
    """
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} has no adapter_config.json. Expected a LoRA adapter as peft saves it.")
    base, path = settings.models.vlm, str(folder.resolve())
    both = f"{fingerprint(base)}+{fingerprint(base.model_copy(update={'path': path}))}"
    return ModelRef(name="adapter", settings_path=base.path, adapter=path, fingerprint=both)


@step_task(name="caption images", task_run_name="caption shard {shard.number}")
def caption_images(settings: Settings, vlm: ModelRef, shard: Shard) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``captions``: ``captions.json``, the greedy caption of each image by id."""

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        pictures = shard_images(shard)
        asked = [Prompt(prompts.SETS[settings.prompts].caption, (image,)) for image in pictures.values()]
        synthesis = settings.synthesis
        replies = load(settings, vlm).generate(asked, max_new_tokens=synthesis.max_new_tokens, batch=synthesis.batch)
        words = [len(reply.split()) for reply in replies]
        captions = dict(zip(pictures, replies, strict=True))
        return {"captions.json": to_json(captions)}, {"mean_words": sum(words) / max(1, len(words))}

    inputs = {
        "prompt": prompts.SETS[settings.prompts].caption,
        "vlm": vlm.fingerprint,
        "shard": shard,
        "max_new_tokens": settings.synthesis.max_new_tokens,
        "batch": settings.synthesis.batch,
        "dtype": settings.models.vlm.dtype,
    }
    return once("captions", 1, inputs, compute)
