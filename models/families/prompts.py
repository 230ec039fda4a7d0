"""Prompts with pictures become the inputs of a model, and image tokens must equal image features.

Synthesis, benchmarks and rollouts read their prompts here, so that all see the same.
"""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from models.families.family import Family
from viper.errors import ModelError

if TYPE_CHECKING:
    from PIL.Image import Image


def read_prompts(
    family: Family, processor: Any, config: Any, texts: Sequence[str], pictures: Sequence[Sequence["Image"]]
) -> Any:
    """Inputs of a batch, padded left, as torch tensors on the CPU.

    Args:
        family: Of the model.
        processor: Of the model.
        config: Of the model.
        texts: Prompts as the chat template writes them.
        pictures: Of each prompt, in order.

    Raises:
        ModelError: The processor refuses the prompts, or one does not hold as many image tokens as its pictures have
            features.
    """
    shown: Any = list(map(list, pictures)) if family.nested else list(chain.from_iterable(pictures))
    some = any(map(len, pictures))
    try:
        inputs = processor(text=list(texts), images=shown if some else None, padding=True, return_tensors="pt")
    except ValueError as error:
        raise ModelError(f"The processor of this model refuses prompts with pictures: {error}") from error
    if some:
        expected = family.features(inputs, pictures, processor, config)
        check_image_tokens((inputs["input_ids"] == config.image_token_id).sum(-1).tolist(), expected)
    return inputs


def check_image_tokens(found: Sequence[int], expected: Sequence[int]) -> None:
    """Compare the image tokens of each prompt with the features of its pictures.

    Raises:
        ModelError: They differ.
    """
    for tokens, features in zip(found, expected, strict=True):
        if tokens != features:
            raise ModelError(
                f"{tokens} image tokens in a prompt but {features} image features. The chat template and the processor "
                "of this model do not fit together."
            )
