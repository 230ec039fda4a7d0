"""Rollouts that servers sample, with the adapter of the step.

    adapter of the step ──► every server          prompt × G ──► a server ──► token ids and their log-probabilities

The trainer asserts that a server read the ids that it will score, and compares what the server says of each token with
its own log-probabilities: weights, number formats and kernels differ a little; other weights differ a lot.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.adapters import save_adapter
from models.endpoints.writer import EndpointVlm
from models.prompt_reader import Prompt
from models.served import Asked, Sampling
from viper.errors import ModelError
from viper.settings import ServedRollouts, VlmSettings

Metrics = dict[str, list[float]]
FAR_NATS = 1.0
"""Mean difference of log-probabilities by which servers sample from another model. Rounding to bfloat16 moves them by
hundredths."""


class RolloutServers:
    """The servers of a training.

    Args:
        settings: Of the model.
        rollouts: How their answers count.
        folder: Where the adapter of the step is written. It is emptied.

    Raises:
        ViperError: As ``EndpointVlm``.
    """

    def __init__(self, settings: VlmSettings, rollouts: ServedRollouts, folder: Path) -> None:
        if settings.serving.engine != "endpoint":
            raise ModelError('Rollouts by servers need models.vlm.serving.engine = "endpoint".')
        self.settings = rollouts
        self._vlm = EndpointVlm(settings, settings.serving)
        self._folder = folder

    def load(self, adapted: Any) -> None:
        """Give the servers the adapter as it is now, and take the one before out of them.

        Args:
            adapted: The model with the adapter.

        Raises:
            ModelError: A server does not load it.
            EndpointAway: A server does not answer.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        save_adapter(adapted, "", "", self._folder)
        self._vlm.adopt(self._folder)

    def sample(
        self,
        prompts: Sequence[Prompt],
        ids: Sequence[Sequence[int]],
        counts: Sequence[int],
        sampling: Sequence[Sampling],
    ) -> tuple[list[list[int]], list[list[float]]]:
        """Answers, those of a prompt side by side, and the log-probability of each of their tokens.

        Args:
            prompts: Each once.
            ids: Of their tokens, as the trainer reads them.
            counts: Answers of each.
            sampling: How they are drawn.

        Raises:
            ModelError: A server reads other ids, or does not tell ids and log-probabilities.
            EndpointAway: No server answers.
        """

        def answers(number: int) -> list[tuple[list[int], list[float]]]:
            asked = self._vlm.asked(prompts[number])
            if asked.ids != tuple(ids[number]):
                raise ModelError(
                    f"A prompt of the training has {len(ids[number])} tokens, but {len(asked.ids)} as servers are "
                    "asked: its text holds special tokens. Leave the row out, or sample in the process."
                )
            return self._read(asked, sampling[number], counts[number])

        found = [one for group in self._vlm.servers.each(answers, range(len(prompts))) for one in group]
        return [ids for ids, _ in found], [logps for _, logps in found]

    def weights(self, own_BC: Tensor, told_BC: Tensor, mask_BC: Tensor, metrics: Metrics) -> Tensor:
        """What each token's advantage is multiplied with, (B, C).

        min(p / q, cap) where ``importance`` is ``truncated``, p being the trainer's probability of the token and q that
        with which the server drew it (truncated importance sampling, Ionides 2008; Yao et al. 2025 for rollouts); 1
        otherwise.

        Args:
            own_BC: Log-probabilities by the trainer, before any update on these rollouts.
            told_BC: The server's.
            mask_BC: 1 on the tokens of answers.
            metrics: Where the mean difference of both and the mean weight are appended.

        Raises:
            ModelError: They differ so much that the server has another model.
        """
        apart_BC, tokens = (own_BC - told_BC) * mask_BC, mask_BC.sum()
        difference = float(apart_BC.abs().sum() / tokens)
        metrics["servers/difference"].append(difference)
        if difference > FAR_NATS:
            raise ModelError(
                f"The servers' log-probabilities differ from the trainer's by {difference:.2f} nats a token: they "
                "serve other weights than models.vlm, or log-probabilities of another temperature. Start vLLM with the "
                "same folder and revision, and with --logprobs-mode processed_logprobs."
            )
        weights_BC = torch.ones_like(own_BC)
        if self.settings.importance == "truncated":
            weights_BC = apart_BC.exp().clamp(max=self.settings.importance_cap)
            metrics["servers/weight"].append(float((weights_BC * mask_BC).sum() / tokens))
        return weights_BC

    def close(self) -> None:
        """Take the adapter out of the servers."""
        self._vlm.close()

    def _read(self, asked: Asked, sampling: Sampling, count: int) -> list[tuple[list[int], list[float]]]:
        found = []
        for reply in self._vlm.reply(asked, sampling, count, logps=True):
            if reply.ids is None or reply.logps is None or len(reply.ids) != len(reply.logps) or not reply.ids:
                raise ModelError(
                    "A server tells no token ids with a log-probability each. Rollouts need vLLM (return_token_ids)."
                )
            found.append((list(reply.ids), list(reply.logps)))
        return found
