"""How a prompt is written down for a server, and how its answer is read.

All speak OpenAI's chat completions. Beyond that vLLM and SGLang take the sampling rules that a model's folder would
otherwise decide, and vLLM hands back the ids of the tokens; ``transformers serve`` takes rules as a configuration.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from models.prompt_reader import Prompt
from models.served import Asked, Sampling, check_prompt
from viper.errors import ModelError

if TYPE_CHECKING:
    from PIL.Image import Image

Dialect = Literal["vllm", "sglang", "other"]
CHAT = "/v1/chat/completions"


def dialect_of(card: Mapping[str, Any]) -> Dialect:
    """By what a server says of its model in ``/v1/models``."""
    owner = card.get("owned_by")
    return "vllm" if owner == "vllm" else "sglang" if owner == "sglang" else "other"


@dataclass(frozen=True)
class Reply:
    """One answer to a prompt."""

    text: str
    ids: tuple[int, ...] | None
    """Of its tokens, with the one that ends it; ``None`` if the server does not tell."""
    logps: tuple[float, ...] | None
    """Log-probability of each token when it was drawn; ``None`` if nobody asked."""


@dataclass(frozen=True)
class Speech:
    """How a model is asked.

    Args:
        dialect: Of the servers.
        model: Name under which they serve it.
        ends: Ids of the tokens that end a reply.
    """

    dialect: Dialect
    model: str
    ends: tuple[int, ...]

    def body(self, asked: Asked, sampling: Sampling, count: int = 1, *, logps: bool = False) -> dict[str, Any]:
        """A request.

        Args:
            asked: The prompt.
            sampling: How replies are drawn.
            count: Number of replies.
            logps: Whether the log-probabilities of their tokens are wanted.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": _content(asked.prompt)}],
            "max_completion_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": 1.0,
        }
        if sampling.temperature > 0:
            body["seed"] = sampling.seed % 2**31
        if sampling.forbidden:
            body["logit_bias"] = {str(token): -100 for token in sampling.forbidden}
        if self.dialect == "other":
            # All that a model's folder suggests is left out: the sampling rules are the project's own.
            body["generation_config"] = json.dumps(
                {"do_sample": sampling.temperature > 0, "top_k": 0, "eos_token_id": list(self.ends)}
            )
            return body
        body |= {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "stop_token_ids": list(self.ends)}
        if self.dialect == "vllm":
            body |= {"return_token_ids": True}
        return body | ({"n": count} if count > 1 else {}) | ({"logprobs": True} if logps else {})

    def replies(self, answer: Mapping[str, Any], asked: Asked, count: int = 1) -> list[Reply]:
        """The replies of an answer, after a look whether the server read the prompt as the model's own processor does.

        Raises:
            ModelError: It did not, or the answer has another form than that of a chat completion.
        """
        try:
            read = int(answer["usage"]["prompt_tokens"])
            check_prompt(asked, answer.get("prompt_token_ids"), read)
            choices = sorted(answer["choices"], key=lambda one: int(one["index"]))
            found = [_reply(one) for one in choices]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"A server of models.vlm answers with something else than a chat completion with its usage "
                f"({type(error).__name__}: {error}). Expected an OpenAI API such as vLLM's at VIPER_VLM_ENDPOINTS."
            ) from error
        if len(found) != count:
            raise ModelError(f"A server of models.vlm gives {len(found)} replies to a prompt, but {count} were asked.")
        return found


def _reply(choice: Mapping[str, Any]) -> Reply:
    ids, told = choice.get("token_ids"), choice.get("logprobs")
    logps = tuple(float(one["logprob"]) for one in told["content"]) if told else None
    return Reply(choice["message"]["content"] or "", tuple(ids) if ids is not None else None, logps)


def _content(prompt: Prompt) -> list[dict[str, Any]]:
    shown: Sequence[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": data_url(image)}} for image in prompt.images
    ]
    return [*shown, {"type": "text", "text": prompt.text}]


def data_url(image: "Image") -> str:
    """A picture inside the request, as PNG: the server sees the same pixels."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
