"""Captions of a shard, by the synthesizing VLM."""

from models.payloads import Captions
from tasks.shards import shard_images
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import Shard, VlmUse


class CaptionInputs(Inputs):
    """What decides the captions of a shard."""

    vlm: VlmUse
    prompt: str
    shard: Shard
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"{self.vlm.model.name} captions shard {self.shard.number}"


@step("captions", 2, roles=("vlm",))
def caption_images(inputs: CaptionInputs, worker: Worker) -> Made:
    """Payload ``Captions``: the greedy caption of each image."""
    from models.vlm import Prompt

    pictures = shard_images(worker.store, inputs.shard)
    replies = worker.vlm(inputs.vlm).generate(
        [Prompt(inputs.prompt, (image,)) for image in pictures.values()],
        max_new_tokens=inputs.max_new_tokens,
        batch=inputs.batch,
    )
    words = [len(reply.split()) for reply in replies]
    captions = Captions(dict(zip(pictures, replies, strict=True)))
    return Made(captions.encoded(), {"mean_words": sum(words) / max(1, len(words))})
