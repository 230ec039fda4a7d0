"""Self-critique: the VLM compares image and painting and writes refinements, by which its caption is rewritten."""

from prefect import State
from pydantic import JsonValue

from models import prompts
from models.rewards import split_sentences
from models.selfcritique import says_nothing, without_empty_corrections
from models.vlm import Prompt
from models.worlds.shapes.grammar import rewrite
from tasks.generation import load
from tasks.shards import read_pictures, shard_images
from tasks.step import Entries, once, read_json, seed_of, step_task, to_json
from viper.records import ArtifactRef, ModelRef, Shard
from viper.settings import Settings


@step_task(name="critique paintings", task_run_name="critique shard {shard.number}")
def critique_paintings(
    settings: Settings, round_number: int, vlm: ModelRef, shard: Shard, captions: ArtifactRef, paintings: ArtifactRef
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``critiques``: ``critiques.json``, by image id a list of distinct ``{refinements, refined, samples}``.

    ``samples`` counts how often the same refinements were drawn; ``refined`` is empty where nothing is to correct.
    """
    words, synthesis = prompts.SETS[settings.prompts], settings.synthesis

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        model = load(settings, vlm)
        pictures, painted, texts = (
            shard_images(shard),
            read_pictures(paintings, ""),
            read_json(captions, "captions.json"),
        )
        jobs = [(image, draw) for image in pictures for draw in range(synthesis.critiques)]
        asked = [
            Prompt(words.critique.format(caption=texts[image]), (pictures[image], painted[image])) for image, _ in jobs
        ]
        drawn = model.generate(
            asked,
            max_new_tokens=synthesis.max_new_tokens,
            batch=synthesis.batch,
            temperature=synthesis.critique_temperature,
            seeds=[seed_of(settings, round_number, "critique", f"{image}/{draw}") for image, draw in jobs],
        )
        counts: dict[tuple[str, str], int] = {}
        for (image, _), reply in zip(jobs, drawn, strict=True):
            text = " ".join(without_empty_corrections(split_sentences(reply)))
            counts[image, text] = counts.get((image, text), 0) + 1
        rewrites = [pair for pair in counts if pair[1] and not says_nothing(pair[1])]
        if synthesis.writer == "grammar":
            refined = [rewrite(texts[image], text) for image, text in rewrites]
        else:
            asked = [Prompt(words.rewrite.format(caption=texts[i], corrections=text)) for i, text in rewrites]
            refined = model.generate(asked, max_new_tokens=synthesis.max_new_tokens, batch=synthesis.batch)
        written = dict(zip(rewrites, refined, strict=True))
        critiques: dict[str, list[dict[str, object]]] = {image: [] for image in pictures}
        for (image, text), samples in counts.items():
            one = {"refinements": text, "refined": written.get((image, text), ""), "samples": samples}
            critiques[image].append(one)
        return {"critiques.json": to_json(critiques)}, {"critiques": len(counts)}

    inputs = {
        "prompts": [words.critique, words.rewrite],
        "vlm": vlm.fingerprint,
        "shard": shard,
        "captions": captions,
        "paintings": paintings,
        "synthesis": synthesis.model_dump(
            include={"critiques", "critique_temperature", "max_new_tokens", "batch", "writer"}
        ),
        "dtype": settings.models.vlm.dtype,
        "seed": seed_of(settings, round_number, "critique"),
    }
    return once("critiques", 2, inputs, compute)
