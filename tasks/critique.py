"""Self-critique: the VLM compares image and painting and writes refinements, by which its caption is rewritten."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.nothing import says_nothing
from models.payloads import Captions, Critique, Critiques
from models.selfcritique import read_critique
from models.worlds import find_world
from tasks.shards import read_payload, read_pictures, shard_images
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Record, Seed, Shard, VlmUse

if TYPE_CHECKING:
    from models.roles import Writer


class Rewriting(Record):
    """How a caption is rewritten by its corrections: by the rules of a world, or by the VLM."""

    rules_of: str = ""
    """The world; empty where the VLM rewrites."""
    version: int = 0
    """Of the world's rules."""
    prompt: str = ""
    """What the VLM is told, with the blanks ``{caption}`` and ``{corrections}``."""


class CritiqueInputs(Inputs):
    """What decides the critiques of a shard's paintings."""

    vlm: VlmUse
    prompt: str
    """With the blank ``{caption}``."""
    rewriting: Rewriting
    shard: Shard
    captions: ArtifactRef
    paintings: ArtifactRef
    critiques: int
    """Draws a painting."""
    temperature: float
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"critique shard {self.shard.number}"


@step("critiques", 4, roles=("vlm",))
def critique_paintings(inputs: CritiqueInputs, worker: Worker) -> Made:
    """Payload ``Critiques``: the distinct critiques of each image, and the captions rewritten by them."""
    from models.vlm import Prompt

    writer = worker.vlm(inputs.vlm)
    pictures, painted = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.paintings)
    captions = read_payload(worker.store, inputs.captions, Captions).root
    jobs = [(image, draw) for image in pictures for draw in range(inputs.critiques)]
    drawn = writer.generate(
        [Prompt(inputs.prompt.format(caption=captions[image]), (pictures[image], painted[image])) for image, _ in jobs],
        max_new_tokens=inputs.max_new_tokens,
        batch=inputs.batch,
        temperature=inputs.temperature,
        seeds=[inputs.seed.of(f"{image}/{draw}") for image, draw in jobs],
    )
    counts: dict[tuple[str, str], int] = {}
    for (image, _), reply in zip(jobs, drawn, strict=True):
        text = read_critique(reply)
        counts[image, text] = counts.get((image, text), 0) + 1
    wanted = [pair for pair in counts if pair[1] and not says_nothing(pair[1])]
    written = dict(zip(wanted, _rewritten(inputs, writer, captions, wanted), strict=True))
    found: dict[str, list[Critique]] = {image: [] for image in pictures}
    for (image, text), samples in counts.items():
        refined = written.get((image, text), "")
        found[image].append(Critique(refinements=text, refined=refined, samples=samples))
    critiques = Critiques({image: tuple(each) for image, each in found.items()})
    return Made(critiques.encoded(), {"critiques": len(counts)})


def _rewritten(
    inputs: CritiqueInputs, writer: "Writer", captions: Mapping[str, str], wanted: Sequence[tuple[str, str]]
) -> list[str]:
    """The caption of each (image, corrections), rewritten."""
    from models.vlm import Prompt

    rewriting = inputs.rewriting
    if rewriting.rules_of:
        rules = find_world(rewriting.rules_of).need_rules()
        return [rules.rewrite(captions[image], text) for image, text in wanted]
    asked = [Prompt(rewriting.prompt.format(caption=captions[image], corrections=text)) for image, text in wanted]
    return writer.generate(asked, max_new_tokens=inputs.max_new_tokens, batch=inputs.batch)
