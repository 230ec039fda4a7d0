"""Captions are rewritten by corrections: by each alone, so that it can be judged, and by all that stand together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.payloads import Captions, Critiques, Judgements, Union, Unions
from models.rewriting import UNCHANGED, read_rewrite
from models.selfcritique import best_first
from models.sentences import join_sentences
from models.tries import Tries, Unusable, ask
from models.worlds import find_world
from models.worlds.world import Rules
from storage.objects import ObjectStore
from tasks.shards import read_payload, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Record, Seed, Shard, VlmUse

if TYPE_CHECKING:
    from models.roles import Writer

Wanted = tuple[str, str]
"""An image, and the corrections that its caption is rewritten by."""


class Rewriting(Record):
    """How a caption is rewritten by its corrections: by the rules of a world, or by the VLM."""

    rules_of: str = ""
    """The world; empty where the VLM rewrites."""
    version: int = 0
    """Of the world's rules."""
    prompt: str = ""
    """What the VLM is told, with the blanks ``{caption}`` and ``{corrections}``."""

    def rules(self) -> Rules | None:
        """The world's rules, where they rewrite."""
        return find_world(self.rules_of).need_rules() if self.rules_of else None


class AskedRewriting(Record):
    """How the VLM rewrites captions."""

    vlm: VlmUse
    temperature: float
    """Of captions that are rewritten once more; the first time they are greedy."""
    tries: int
    """Replies to one prompt, until one can be used."""
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""
    seed: Seed

    def how(self) -> Tries:
        """How replies are drawn."""
        return Tries(
            most=self.tries,
            temperature=0.0,
            again=self.temperature,
            seed=self.seed,
            max_new_tokens=self.max_new_tokens,
            batch=self.batch,
        )


class UnionInputs(Inputs):
    """What decides the captions of a shard that are rewritten by all corrections that stand."""

    rewriting: Rewriting
    asked: AskedRewriting | None
    """``None`` where the rules of a world rewrite."""
    shard: Shard
    captions: ArtifactRef
    critiques: ArtifactRef
    judgements: ArtifactRef

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "put corrections together"


def _asked_captions(inputs: UnionInputs, store: ObjectStore) -> int:
    """Captions that the VLM may be asked for; rules ask nobody, and take no time."""
    return shard_size(store, inputs.shard) if inputs.asked else 0


@step("unions", 1, roles=("vlm",), items=_asked_captions)
def put_together(inputs: UnionInputs, worker: Worker) -> Made:
    """Payload ``Unions``; facts: how many images have corrections that stand, and how many replies came again."""
    captions = read_payload(worker.store, inputs.captions, Captions).root
    written = read_payload(worker.store, inputs.critiques, Critiques).root
    verdicts = read_payload(worker.store, inputs.judgements, Judgements).root
    alone = {(image, one.refinements): one.refined for image, each in written.items() for one in each}
    standing = {image: found for image, each in sorted(verdicts.items()) if (found := best_first(each))}
    unions: dict[str, Union] = {}
    again, rules = 0, inputs.rewriting.rules()
    if rules:
        unions = {image: by_rules(rules, captions[image], sentences) for image, sentences in standing.items()}
    elif inputs.asked:
        standing = {image: each[::-1] for image, each in standing.items()}
        wanted = [(image, join_sentences(each)) for image, each in standing.items() if len(each) > 1]
        whole, again = rewrite(inputs.rewriting, worker.vlm(inputs.asked.vlm), captions, wanted, inputs.asked.how())
        for image, sentences in standing.items():
            refined = whole.get((image, join_sentences(sentences)), alone[image, sentences[-1]])
            text = "" if isinstance(refined, Unusable) else refined
            unions[image] = Union(sentences=tuple(sentences), rivals=(), refined=text)
    return Made(Unions(unions).encoded(), {"unions": len(unions), "asked_again": again})


def by_rules(rules: Rules, caption: str, sentences: Sequence[str]) -> Union:
    """Corrections put together by rules. Where two say other things of one place, the one that comes closer stays.

    Args:
        rules: Of corrections that contradict each other the later one holds by them.
        caption: The first caption.
        sentences: Those that come closest first.
    """
    kept: list[str] = []
    rivals: list[str] = []
    refined = caption
    for sentence in sentences:
        together = rules.rewrite(caption, join_sentences([sentence, *kept]))
        if together == refined:
            rivals.append(sentence)
        else:
            kept, refined = [sentence, *kept], together
    return Union(sentences=tuple(kept), rivals=tuple(rivals), refined=refined)


def rewrite(
    rewriting: Rewriting, writer: "Writer", captions: Mapping[str, str], wanted: Sequence[Wanted], tries: Tries
) -> tuple[dict[Wanted, str | Unusable], int]:
    """The caption of each image rewritten by some corrections; and how many replies were asked for again.

    Args:
        rewriting: By whom.
        writer: The VLM.
        captions: First captions by image.
        wanted: What is to be rewritten.
        tries: How replies are drawn.
    """
    from models.prompt_reader import Prompt

    rules = rewriting.rules()
    if rules:
        found = {(image, text): rules.rewrite(captions[image], text) for image, text in wanted}
        return {one: text if text != captions[one[0]] else Unusable(UNCHANGED) for one, text in found.items()}, 0
    items = {f"{image}/rewrite/{text}": (image, text) for image, text in wanted}

    def read(item: str, reply: str) -> str | Unusable:
        image, corrections = items[item]
        return read_rewrite(captions[image], corrections, reply)

    prompts = {
        item: Prompt(rewriting.prompt.format(caption=captions[image], corrections=text))
        for item, (image, text) in items.items()
    }
    replies, again = ask(writer, prompts, read, tries)
    return {items[item]: rewritten for item, rewritten in replies.items()}, again
