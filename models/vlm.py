"""Loads any image-text-to-text model of transformers, and generates from it in reproducible batches.

The same code loads the embedded 0.7-million-parameter Qwen2.5-VL and Qwen2.5-VL-7B.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.adapters import put_on
from models.families import family_of, find_family
from models.families.family import Family
from models.locations import read_description, resolve
from models.passes import batches, groups
from models.prompt_reader import Prompt, PromptReader
from models.threads import fix_threads
from viper.errors import ModelError
from viper.progress import tell
from viper.settings import VlmSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

GENERATION = "generation_config.json"


@dataclass(frozen=True)
class Prepared:
    """Prompts as model inputs, on the CPU, batch by batch: images decoded, resized and cut into patches."""

    batches: tuple[tuple[tuple[int, ...], Any], ...]
    """Which prompts, and their inputs."""
    image_tokens: int

    @property
    def prompts(self) -> int:
        """How many."""
        return sum(len(part) for part, _ in self.batches)


def load_processor(folder: str, revision: str = "main") -> "ProcessorMixin":
    """The processor of a model folder or hub model, the same on every machine (``models.families.processors``).

    It takes special tokens from the chat template alone (``models.plain_text``).

    Raises:
        ModelError: The family of the model is not known, a file of the processor is missing or damaged, or the
            processor needs what is not installed.
    """
    from models.families.processors import load_processor_of
    from models.plain_text import keep_texts_plain

    parts = family_of(folder, revision).parts()
    try:
        processor = load_processor_of(parts, folder, revision)
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"The processor of {folder} cannot be loaded: {error}") from error
    processor.tokenizer.padding_side = "left"
    keep_texts_plain(processor)
    return processor


def load_processing(settings: VlmSettings) -> tuple[Family, Any, Any]:
    """Family, processor and configuration of a model, with the pixel limits of the settings, and no weights.

    Raises:
        ModelError: As ``load_processor``, or the model cannot keep the limits.
    """
    from transformers import AutoConfig

    folder = resolve(settings.path)
    family, processor = family_of(folder, settings.revision), load_processor(folder, settings.revision)
    try:
        config = AutoConfig.from_pretrained(folder, revision=settings.revision, trust_remote_code=False)
    except Exception as error:  # as above
        raise ModelError(f"config.json of {settings.path} describes no model: {error} Check the path.") from error
    family.limit_pixels(processor, config, settings.min_pixels, settings.max_pixels)
    return family, processor, config


def ends_of(settings: VlmSettings, config: Any) -> tuple[Any, ...]:
    """Ids of the tokens that end a reply, as the model's folder names them, whatever stands there."""
    described = read_description(settings.path, settings.revision, GENERATION)
    named: Any = described.get("eos_token_id") if described else config.get_text_config().eos_token_id
    return tuple(named) if isinstance(named, list) else (named,)


def load_vlm(settings: VlmSettings, adapter: str = "") -> "Vlm":
    """The model in eval mode with its processor; an adapter folder, if given, stays beside the weights.

    The processor keeps the pixel limits of the settings; those of its folder where they are 0.

    Raises:
        ModelError: A file is missing, the family of the model is not known, or it cannot keep the limits.
    """
    import torch
    from transformers import AutoModelForImageTextToText, GenerationConfig

    fix_threads(settings.device)
    folder = resolve(settings.path)
    family = family_of(folder, settings.revision)
    try:
        model = AutoModelForImageTextToText.from_pretrained(
            folder,
            revision=settings.revision,
            dtype=getattr(torch, settings.dtype),
            attn_implementation=settings.attention,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except Exception as error:  # as above
        raise ModelError(
            f"{settings.path} cannot be loaded as a vision-language model: {error} Check models.vlm.path."
        ) from error
    # The sampling rules are the project's own: what the folder suggests (repetition_penalty, top_k, …) is in no key.
    suggested = model.generation_config
    model.generation_config = GenerationConfig(
        bos_token_id=suggested.bos_token_id, eos_token_id=suggested.eos_token_id, pad_token_id=suggested.pad_token_id
    )
    processor = load_processor(folder, settings.revision)
    family.limit_pixels(processor, model.config, settings.min_pixels, settings.max_pixels)
    if adapter:
        # The model itself, whose layers now hold the adapter's: peft's wrapper has nothing to add where nothing learns.
        model = put_on(model, adapter).get_base_model()
    return Vlm(model.to(settings.device).eval(), processor)


class Vlm(PromptReader):
    """A vision-language model and its processor."""

    def __init__(self, model: "PreTrainedModel", processor: "ProcessorMixin") -> None:
        super().__init__(find_family(model.config.model_type), processor, model.config)
        self.model = model

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

        In float32 a reply is the same alone and in a batch. In bfloat16 the padding of a batch changes how sums are
        rounded, so that of two tokens that are nearly as likely the other may win: the batch is part of a step's key.

        Args:
            prompts: User turns.
            max_new_tokens: Longest reply, in tokens.
            batch: Prompts a forward pass. Prompts of similar length are put together.
            temperature: 0 is greedy; otherwise each prompt draws from its own seed, so that the reply does not depend
                on which prompts share its batch.
            seeds: One a prompt; required where ``temperature`` is above 0. A prompt that is given several times is read
                once, where the family of the model allows it.

        Raises:
            ValueError: Sampling without one seed a prompt.
        """
        if temperature > 0 and (seeds is None or len(seeds) != len(prompts)):
            raise ValueError(f"Sampling {len(prompts)} prompts needs as many seeds, found {len(seeds or ())}.")
        if seeds is not None and temperature > 0 and self.family.shared_prefix:
            return self._sample(prompts, max_new_tokens, batch, temperature, seeds)
        replies = [""] * len(prompts)
        for done, part in enumerate(batches(prompts, batch)):
            tell(done * batch, len(prompts))
            drawn = [seeds[i] for i in part] if seeds is not None else None
            texts = self._generate_batch(self.inputs([prompts[i] for i in part]), max_new_tokens, temperature, drawn)
            for i, text in zip(part, texts, strict=True):
                replies[i] = text
        return replies

    def prepare(self, prompts: Sequence[Prompt], *, batch: int) -> Prepared:
        """The prompts for ``answer``, of this model or of another with the same ``processing``.

        Args:
            prompts: User turns.
            batch: Prompts a forward pass, as for ``generate``.

        Raises:
            ModelError: As ``inputs``.
        """
        parts = tuple((part, self.read([prompts[i] for i in part])) for part in batches(prompts, batch))
        token = self.model.config.image_token_id
        return Prepared(parts, sum(int((inputs["input_ids"] == token).sum()) for _, inputs in parts))

    def answer(self, prepared: Prepared, *, max_new_tokens: int) -> list[str]:
        """The greedy replies that ``generate`` gives to the prompts, in their order."""
        replies: dict[int, str] = {}
        for part, processed in prepared.batches:
            tell(len(replies), prepared.prompts)
            inputs = self._on_device(processed)
            replies |= zip(part, self._generate_batch(inputs, max_new_tokens, 0.0, None), strict=True)
        return [replies[i] for i in range(len(replies))]

    def inputs(self, prompts: Sequence[Prompt]) -> Any:
        """Left-padded model inputs of a batch, on the model's device.

        Raises:
            ModelError: A prompt does not hold as many image tokens as its pictures have features.
        """
        return self._on_device(self.read(prompts))

    def close(self) -> None:
        """Nothing: its memory goes when nobody holds it any more."""

    def save(self, folder: Path, weights: dict[str, Any] | None = None) -> None:
        """Write model and processor as a stock folder. Equal weights give equal files.

        Args:
            folder: Where to write.
            weights: By name, where the model holds parts of them alone.
        """
        tokenizer = self.processor.tokenizer
        if tokenizer.is_fast:
            # Its file says how it padded and cut last, which depends on what was asked before.
            tokenizer.backend_tokenizer.no_padding()
            tokenizer.backend_tokenizer.no_truncation()
        self.model.save_pretrained(folder, state_dict=weights)
        self.processor.save_pretrained(folder)

    def _on_device(self, processed: Any) -> Any:
        # A copy: a batch that is moved, or cast to another number format, is changed in place.
        return copy(processed).to(self.model.device, self.model.dtype)

    def _sample(
        self, prompts: Sequence[Prompt], max_new_tokens: int, batch: int, temperature: float, seeds: Sequence[int]
    ) -> list[str]:
        """One reply a prompt: prompts that are the very same are read once for all their replies."""
        import torch

        from models.group_sampling import by_seeds, sample_groups

        ends = self.model.generation_config.eos_token_id
        replies: dict[int, str] = {}
        for part in groups(prompts, batch):
            tell(len(replies), len(prompts))
            read = self.inputs([prompts[own[0]] for own in part])
            with torch.inference_mode():
                sampled = sample_groups(
                    self.model,
                    [{name: value for name, value in read.items() if name != "mm_token_type_ids"}],
                    [len(own) for own in part],
                    max_new_tokens,
                    temperature,
                    by_seeds([seeds[i] for own in part for i in own], self.model.device),
                    ends if isinstance(ends, list) else [ends],
                )
            texts = self.processor.batch_decode(sampled.answers, skip_special_tokens=True)
            replies |= zip([i for own in part for i in own], map(str.strip, texts), strict=True)
        return [replies[i] for i in range(len(prompts))]

    def _generate_batch(
        self, inputs: Any, max_new_tokens: int, temperature: float, seeds: Sequence[int] | None
    ) -> list[str]:
        import torch

        from models.group_sampling import gumbel_sampler

        # Greedy search over seeded Gumbel noise is exact sampling, with one random stream a prompt.
        noise = [gumbel_sampler(temperature, seeds, self.model.device)] if temperature > 0 and seeds else []
        with torch.inference_mode():
            whole = self.model.generate(
                **inputs,
                max_new_tokens=max_new_tokens,
                do_sample=False,
                logits_processor=noise,
                pad_token_id=self.processor.tokenizer.pad_token_id,
            )
        replies = whole[:, inputs["input_ids"].shape[1] :]
        return [text.strip() for text in self.processor.batch_decode(replies, skip_special_tokens=True)]
