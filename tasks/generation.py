"""Captions of a shard, by the synthesizing VLM."""

from pydantic import JsonValue

from models.payloads import Captions
from models.tries import NOT_READ, Tries, Unusable, ask
from models.written import read_caption
from tasks.shards import shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import Seed, Shard, VlmUse


class CaptionInputs(Inputs):
    """What decides the captions of a shard."""

    vlm: VlmUse
    prompt: str
    shard: Shard
    temperature: float
    """Of captions that are asked for again; the first time they are greedy."""
    tries: int
    """Replies to one prompt, until one can be used."""
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"{self.vlm.model.name} captions shard {self.shard.number}"


@step("captions", 3, roles=("vlm",), items=lambda inputs, store: shard_size(store, inputs.shard))
def caption_images(inputs: CaptionInputs, worker: Worker) -> Made:
    """Payload ``Captions``: the greedy caption of each image; a sampled one where that cannot be read.

    Facts: the mean number of words, and how many replies were asked for again.
    """
    from models.prompt_reader import Prompt

    tries = Tries(
        most=inputs.tries,
        temperature=0.0,
        again=inputs.temperature,
        seed=inputs.seed,
        max_new_tokens=inputs.max_new_tokens,
        batch=inputs.batch,
    )
    pictures = shard_images(worker.store, inputs.shard)
    prompts = {image: Prompt(inputs.prompt, (picture,)) for image, picture in pictures.items()}
    found, again = ask(
        worker.vlm(inputs.vlm), prompts, lambda _, reply: read_caption(reply) or Unusable(NOT_READ), tries
    )
    captions = {image: "" if isinstance(said, Unusable) else said for image, said in found.items()}
    words = [len(caption.split()) for caption in captions.values()]
    facts: dict[str, JsonValue] = {"mean_words": sum(words) / max(1, len(words)), "asked_again": again}
    return Made(Captions(captions).encoded(), facts)
