"""Self-critique: the VLM compares image and painting and writes refinements, by which its caption is rewritten."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.nothing import says_nothing
from models.payloads import Captions, Critique, Critiques
from models.rewriting import read_rewrite
from models.selfcritique import read_critique
from models.tries import Tries, Unusable, ask
from models.worlds import find_world
from tasks.shards import read_payload, read_pictures, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Record, Seed, Shard, VlmUse

if TYPE_CHECKING:
    from models.roles import Writer

NO_CAPTION = "caption could not be read"


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
    """Of critiques, and of captions that are rewritten once more; the first time they are greedy."""
    tries: int
    """Replies to one prompt, until one can be used."""
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"critique shard {self.shard.number}"


@step("critiques", 5, roles=("vlm",), items=lambda inputs, store: shard_size(store, inputs.shard))
def critique_paintings(inputs: CritiqueInputs, worker: Worker) -> Made:
    """Payload ``Critiques``: the distinct critiques of each image, and the captions rewritten by them.

    Facts: how many critiques there are, and how many replies were asked for again.
    """
    from models.prompt_reader import Prompt

    writer = worker.vlm(inputs.vlm)
    pictures, painted = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.paintings)
    captions = read_payload(worker.store, inputs.captions, Captions).root
    prompts = {
        f"{image}/{draw}": Prompt(inputs.prompt.format(caption=captions[image]), (pictures[image], painted[image]))
        for image in pictures
        for draw in range(inputs.critiques)
        if captions[image]
    }
    drawn, again = ask(writer, prompts, lambda _, reply: read_critique(reply), _tries(inputs, inputs.temperature))
    counts = Counter((name.rpartition("/")[0], said) for name, said in drawn.items())
    counts.update({(image, Unusable(NO_CAPTION)): inputs.critiques for image in pictures if not captions[image]})
    wanted = [(image, text) for image, text in counts if isinstance(text, str) and not says_nothing(text)]
    rewritten, more = _rewritten(inputs, writer, captions, wanted)
    found: dict[str, list[Critique]] = {image: [] for image in pictures}
    for (image, said), samples in counts.items():
        found[image].append(_critique(said, rewritten.get((image, said), ""), samples))
    critiques = Critiques({image: tuple(each) for image, each in found.items()})
    return Made(critiques.encoded(), {"critiques": len(counts), "asked_again": again + more})


def _tries(inputs: CritiqueInputs, temperature: float) -> Tries:
    return Tries(
        most=inputs.tries,
        temperature=temperature,
        again=inputs.temperature,
        seed=inputs.seed,
        max_new_tokens=inputs.max_new_tokens,
        batch=inputs.batch,
    )


def _critique(said: str | Unusable, rewritten: str | Unusable, samples: int) -> Critique:
    if isinstance(said, Unusable):
        return Critique(refinements="", refined="", samples=samples, unusable=said.reason)
    if isinstance(rewritten, Unusable):
        return Critique(refinements=said, refined="", samples=samples, unusable=rewritten.reason)
    return Critique(refinements=said, refined=rewritten, samples=samples)


def _rewritten(
    inputs: CritiqueInputs, writer: "Writer", captions: Mapping[str, str], wanted: Sequence[tuple[str, str]]
) -> tuple[dict[tuple[str, str | Unusable], str | Unusable], int]:
    """The caption of each (image, corrections), rewritten; and how many replies were asked for again."""
    from models.prompt_reader import Prompt

    rewriting = inputs.rewriting
    if rewriting.rules_of:
        rules = find_world(rewriting.rules_of).need_rules()
        return {(image, text): rules.rewrite(captions[image], text) for image, text in wanted}, 0
    items = {f"{image}/rewrite/{text}": (image, text) for image, text in wanted}

    def read(item: str, reply: str) -> str | Unusable:
        image, corrections = items[item]
        return read_rewrite(captions[image], corrections, reply)

    prompts = {
        item: Prompt(rewriting.prompt.format(caption=captions[image], corrections=text))
        for item, (image, text) in items.items()
    }
    found, again = ask(writer, prompts, read, _tries(inputs, 0.0))
    return {items[item]: rewritten for item, rewritten in found.items()}, again
