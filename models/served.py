"""A vision-language model whose weights somebody else holds: vLLM, beside this process or behind an address.

Prompts are read here as for weights of our own, and what the engine made of each is compared with that: the ids of the
prompt's tokens, or their number where it tells no more. So template, tokenizer, pixel limits and processor are the
same, or the work ends with what differs. Pictures go in the size in which the model sees them: whatever library the
engine resizes with has nothing left to do.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from models.families.family import Family
from models.plain_text import without_special
from models.prompt_reader import Prompt, PromptReader
from viper.errors import ModelError

if TYPE_CHECKING:
    from transformers import ProcessorMixin


@dataclass(frozen=True)
class Asked:
    """A prompt as an engine gets it."""

    prompt: Prompt
    """Its pictures have the size in which the model sees them where they can (``Family.as_seen``), and its text holds
    no special token."""
    ids: tuple[int, ...]
    """Of its tokens, with one for each feature of a picture."""


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn."""

    max_new_tokens: int
    temperature: float = 0.0
    """0 is greedy."""
    seed: int = 0
    """Of the draws; the same seed and engine need not give the same bits."""
    forbidden: tuple[int, ...] = ()
    """Ids of tokens that are not drawn."""


@dataclass(frozen=True)
class PreparedPrompts:
    """Prompts for an engine, which reads their pictures itself."""

    asked: tuple[Asked, ...]
    image_tokens: int


class ServedVlm(PromptReader):
    """Generates by an engine. A subclass says how prompts are asked. Arguments as for ``PromptReader``."""

    def __init__(self, family: Family, processor: "ProcessorMixin", config: Any) -> None:
        super().__init__(family, processor, config)
        self._reading = Lock()  # tokenizers are no place for two threads

    @abstractmethod
    def complete(self, asked: Sequence[Callable[[], Asked]], sampling: Sequence[Sampling]) -> list[str]:
        """One reply a prompt.

        Args:
            asked: The prompts, each made when it is sent: few pictures are in memory at a time.
            sampling: How each is drawn.

        Raises:
            ModelError: The engine reads a prompt otherwise, or refuses it.
        """

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        batch: int,
        temperature: float = 0.0,
        seeds: Sequence[int] | None = None,
    ) -> list[str]:
        """One reply a prompt, in the order of the prompts.

        Args:
            prompts: User turns.
            max_new_tokens: Longest reply, in tokens.
            batch: Nothing here: engines batch by themselves.
            temperature: 0 is greedy; otherwise each prompt draws from its own seed.
            seeds: One a prompt; required where ``temperature`` is above 0.

        Raises:
            ValueError: Sampling without one seed a prompt.
            ModelError: As ``complete``.
        """
        if temperature > 0 and (seeds is None or len(seeds) != len(prompts)):
            raise ValueError(f"Sampling {len(prompts)} prompts needs as many seeds, found {len(seeds or ())}.")
        drawn = seeds if seeds is not None and temperature > 0 else [0] * len(prompts)
        asked = [self._asked_later(one) for one in prompts]
        return self.complete(asked, [Sampling(max_new_tokens, temperature, seed) for seed in drawn])

    def prepare(self, prompts: Sequence[Prompt], *, batch: int) -> PreparedPrompts:
        """The prompts for ``answer``, of this model or of another with the same ``processing``.

        Args:
            prompts: User turns.
            batch: Nothing here, as for ``generate``.

        Raises:
            ModelError: A prompt does not hold as many image tokens as its pictures have features.
        """
        asked = tuple(self.asked(prompt) for prompt in prompts)
        return PreparedPrompts(asked, sum(one.ids.count(self.config.image_token_id) for one in asked))

    def answer(self, prepared: PreparedPrompts, *, max_new_tokens: int) -> list[str]:
        """The greedy replies that ``generate`` gives to the prompts, in their order."""

        def later(one: Asked) -> Callable[[], Asked]:
            return lambda: one

        return self.complete([later(one) for one in prepared.asked], [Sampling(max_new_tokens)] * len(prepared.asked))

    def asked(self, prompt: Prompt) -> Asked:
        """A prompt as the engine gets it.

        Raises:
            ModelError: It does not hold as many image tokens as its pictures have features.
        """
        images = tuple(self.family.as_seen(self.processor, image) for image in prompt.images)
        text = without_special(self.processor, prompt.text)
        with self._reading:
            ids = self.read([Prompt(text, prompt.images)])["input_ids"][0].tolist()
        return Asked(Prompt(text, images), tuple(ids))

    def said(self, ids: Sequence[int]) -> str:
        """The text of a reply's tokens."""
        (text,) = self.processor.batch_decode([list(ids)], skip_special_tokens=True)
        return str(text).strip()

    def close(self) -> None:
        """Give back what the engine holds for this model."""

    def _asked_later(self, prompt: Prompt) -> Callable[[], Asked]:
        return lambda: self.asked(prompt)


def check_prompt(asked: Asked, found: Sequence[int] | None, count: int) -> None:
    """Compare what an engine read with what the model's own processor reads.

    Args:
        asked: The prompt.
        found: The ids that the engine made of it; ``None`` if it does not tell.
        count: How many it counted.

    Raises:
        ModelError: They differ.
    """
    if found is not None and tuple(found) != asked.ids:
        pairs = zip(found, asked.ids, strict=False)
        place = next((number for number, (one, other) in enumerate(pairs) if one != other), len(asked.ids))
        what = f"{len(found)} tokens that differ from the model's own {len(asked.ids)} at token {place}"
    elif count != len(asked.ids):
        what = f"{count} tokens, but the model's own processor {len(asked.ids)}"
    else:
        return
    raise ModelError(
        f"The engine makes a prompt into {what}. It has another tokenizer, chat template or pixel limits than "
        "models.vlm: start it with the same folder and --mm-processor-kwargs for the same pixels."
    )
