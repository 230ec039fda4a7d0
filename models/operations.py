"""Reads the visual operations that a vision-language model wrote: the ground truth of the VOP task."""

from models.payloads import Plan
from models.rewards import split_sentences


def read_written(image: str, reply: str, max_operations: int) -> Plan | None:
    """The plan in a model's reply: its first sentences, list marks removed; ``None`` if there is none.

    Args:
        image: Id of the image that the operations are for.
        reply: What the model wrote.
        max_operations: Operations in the plan, at most.
    """
    sentences = [sentence.lstrip("-*0123456789.) ") for sentence in split_sentences(reply)]
    kept = tuple(sentence for sentence in sentences if len(sentence.split()) > 2)[:max_operations]
    return Plan(image=image, sentences=kept, regions=None, kinds=("free",) * len(kept)) if kept else None
