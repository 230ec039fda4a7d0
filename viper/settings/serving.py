"""Settings of who generates with a vision-language model: this process, or servers that others started."""

from typing import Annotated, Literal

from pydantic import Field

from viper.settings.section import Count, Section, Share


class TransformersServing(Section):
    """transformers generates in this process, batch by batch. A reply is the same on every machine."""

    engine: Literal["transformers"] = "transformers"
    """transformers generates."""


class VllmServing(Section):
    """A vLLM that each worker starts for itself generates, with continuous batching.

    It must be installed in an environment of its own, whose Python ``VIPER_VLLM_PYTHON`` names.
    """

    engine: Literal["vllm"]
    """vLLM generates."""
    memory_share: Share = 0.85
    """Share of the device's memory that weights and cache take; of a CPU's memory, it is the cache alone."""
    context_tokens: Count = 8192
    """Longest prompt and reply together; the model may know fewer."""
    compiled: bool = True
    """Compile graphs at the start: minutes, which long runs win back."""


class EndpointServing(Section):
    """Servers with an OpenAI API generate: vLLM, SGLang, ``transformers serve``.

    The environment names their addresses (``viper.endpoints``).
    """

    engine: Literal["endpoint"]
    """Servers generate."""
    served_name: str = ""
    """Name under which the servers serve the model; empty where that is ``path``."""
    requests_in_flight: Count = 32
    """Requests that each server is given at a time."""
    timeout_s: Count = 600
    """A request without an answer for this long is asked again, in seconds."""


Serving = Annotated[TransformersServing | VllmServing | EndpointServing, Field(discriminator="engine")]
"""The table ``models.vlm.serving``; its ``engine`` decides which of the three it is."""


class OwnRollouts(Section):
    """The trainer samples its rollouts itself, reading a group's prompt once."""

    engine: Literal["transformers"] = "transformers"
    """The training process samples."""


class ServedRollouts(Section):
    """The servers of ``models.vlm.serving`` sample the rollouts, with the adapter of the step."""

    engine: Literal["endpoint"]
    """Servers sample."""
    importance: Literal["own", "truncated"] = "own"
    """``own``: the ratio is that to the trainer's own log-probabilities, as if it had sampled. ``truncated``: each
    token also weighs by how much likelier the trainer holds it than the server did, up to ``importance_cap``."""
    importance_cap: float = Field(default=2.0, ge=1)
    """Largest weight of a token where ``importance`` is ``truncated``."""


Rollouts = Annotated[OwnRollouts | ServedRollouts, Field(discriminator="engine")]
"""The table ``training.rollouts``; its ``engine`` decides which of the two it is."""
