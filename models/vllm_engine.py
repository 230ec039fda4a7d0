"""The vision-language model of synthesis and benchmarks by vLLM in this process, with continuous batching.

vLLM is no dependency: each of its releases pins a torch and a range of transformers of its own.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.adapters import CONFIG
from models.locations import resolve
from models.served import Asked, Sampling, ServedVlm, check_prompt
from models.vlm import ends_of, load_processing
from viper.errors import ModelError
from viper.progress import tell
from viper.settings import VllmServing, VlmSettings

MOST_PICTURES = 8
"""Pictures of one prompt; benchmarks ask about up to this many."""
AT_ONCE = 256
"""Prompts whose pictures are in memory together."""
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Largest ranks of adapters for which vLLM makes room."""


def check_vllm() -> None:
    """See that vLLM is installed.

    Raises:
        ModelError: It is not.
    """
    if find_spec("vllm") is None:
        raise ModelError(
            'models.vlm.serving.engine is "vllm", but the package vllm is not installed here. Install a release whose '
            'torch is this one, or set the engine to "endpoint" and run vLLM in an environment of its own.'
        )


class VllmVlm(ServedVlm):
    """Generates by an engine of vLLM, which is there until ``close``.

    Args:
        settings: Of the model.
        serving: How vLLM is set up.
        adapter: Folder of the adapter on its weights; empty for none.

    Raises:
        ModelError: vLLM is not installed or cannot load the model.
    """

    def __init__(self, settings: VlmSettings, serving: VllmServing, adapter: str = "") -> None:
        check_vllm()
        super().__init__(*load_processing(settings))
        import vllm
        from vllm.lora.request import LoRARequest

        positions = int(self.config.get_text_config().max_position_embeddings)
        try:
            self._engine: Any = vllm.LLM(
                model=resolve(settings.path),
                revision=settings.revision,
                dtype=settings.dtype,
                max_model_len=min(serving.context_tokens, positions),
                gpu_memory_utilization=serving.memory_share,
                limit_mm_per_prompt={"image": MOST_PICTURES, "video": 0},
                generation_config="vllm",
                enforce_eager=not serving.compiled,
                enable_lora=bool(adapter),
                max_lora_rank=_room_for(adapter) if adapter else RANKS[0],
                trust_remote_code=False,
            )
        except Exception as error:  # an engine can fail in any library below it
            raise ModelError(f"vLLM cannot load {settings.path}: {error} Check models.vlm.serving.") from error
        self._adapter = LoRARequest("adapter", 1, adapter) if adapter else None
        self._ends = ends_of(settings, self.config)

    def complete(self, asked: Sequence[Callable[[], Asked]], sampling: Sequence[Sampling]) -> list[str]:
        """As ``ServedVlm.complete``."""
        replies: list[str] = []
        for start in range(0, len(asked), AT_ONCE):
            tell(start, len(asked))
            some = [make() for make in asked[start : start + AT_ONCE]]
            replies += self._complete(some, sampling[start : start + AT_ONCE])
        return replies

    def close(self) -> None:
        """End the engine: its memory is free afterwards."""
        self._engine.llm_engine.engine_core.shutdown()

    def _complete(self, asked: Sequence[Asked], sampling: Sequence[Sampling]) -> Iterator[str]:
        import vllm

        prompts = [
            {"prompt_token_ids": self._folded(one.ids)}
            | ({"multi_modal_data": {"image": list(one.prompt.images)}} if one.prompt.images else {})
            for one in asked
        ]
        rules = [
            vllm.SamplingParams(
                max_tokens=one.max_new_tokens,
                temperature=one.temperature,
                seed=one.seed % 2**31 if one.temperature > 0 else None,
                stop_token_ids=list(self._ends),
                detokenize=False,
            )
            for one in sampling
        ]
        found = self._engine.generate(prompts, rules, lora_request=self._adapter, use_tqdm=False)
        for one, answer in zip(asked, found, strict=True):
            check_prompt(one, answer.prompt_token_ids, len(answer.prompt_token_ids))
            yield self.said(answer.outputs[0].token_ids)

    def _folded(self, ids: Sequence[int]) -> list[int]:
        """The ids with one image token a picture, as the chat template writes them: vLLM unfolds them itself."""
        token = self.config.image_token_id
        return [one for before, one in zip((None, *ids), ids, strict=False) if not one == before == token]


def _room_for(adapter: str) -> int:
    """The smallest rank of vLLM's that an adapter fits into."""
    rank = int(json.loads((Path(adapter) / CONFIG).read_text())["r"])
    if rank > RANKS[-1]:
        raise ModelError(f"The adapter in {adapter} has rank {rank}, but vLLM takes up to {RANKS[-1]}.")
    return next(room for room in RANKS if room >= rank)
