"""Keeps a foundation training resumable: one safetensors file with weights, optimizer state and step.

Every batch is drawn from (seed, step), so nothing else has to be kept.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.optim import Optimizer

from viper.progress import tell

SAVE_EVERY_S = 60.0

log = logging.getLogger("viper")


class Progress:
    """The state of one training on disk.

    Args:
        path: The file. Written to a temporary name first, so that it is whole or absent.
        modules: The trained modules by name.
        optimizers: Their optimizers, in a fixed order.
        identity: What the state belongs to; a file with another identity is not resumed from.
    """

    def __init__(
        self,
        path: Path,
        modules: Mapping[str, nn.Module],
        optimizers: Sequence[Optimizer],
        identity: Mapping[str, object],
    ) -> None:
        self._path, self._modules, self._optimizers = path, modules, optimizers
        self._identity = json.dumps(identity, sort_keys=True)
        self._saved_at = time.monotonic()
        self.seconds = 0.0
        """Seconds of training so far, over all resumes."""

    def restore(self) -> int:
        """Load the state if there is one that fits. Returns the number of finished steps."""
        if not self._path.exists():
            return 0
        with safe_open(self._path, framework="pt") as file:
            meta = file.metadata()
            if meta["identity"] != self._identity:
                return 0
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        for name, module in self._modules.items():
            prefix = f"module.{name}."
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        for number, optimizer in enumerate(self._optimizers):
            state = optimizer.state_dict()
            state["state"] = {}
            for key, tensor in tensors.items():
                if key.startswith(f"optimizer.{number}."):
                    _, _, parameter, slot = key.split(".", 3)
                    state["state"].setdefault(int(parameter), {})[slot] = tensor
            optimizer.load_state_dict(state)
        self.seconds = float(meta["seconds"])
        return int(meta["step"])

    def save(self, step: int) -> None:
        """Write the state after ``step`` finished steps."""
        tensors = {
            f"module.{name}.{key}": value.detach().clone().contiguous()
            for name, module in self._modules.items()
            for key, value in module.state_dict().items()
        }
        for number, optimizer in enumerate(self._optimizers):
            for parameter, slots in optimizer.state_dict()["state"].items():
                for slot, value in slots.items():
                    tensors[f"optimizer.{number}.{parameter}.{slot}"] = torch.as_tensor(value).clone().contiguous()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".part")
        save_file(tensors, draft, {"identity": self._identity, "step": str(step), "seconds": str(self.seconds)})
        os.replace(draft, self._path)

    def run(self, steps: int, step_once: Callable[[int], Mapping[str, float]], report_every: int = 100) -> None:
        """Run ``step_once(step)`` up to ``steps``, from where the file left off, saving once a minute."""
        began = time.monotonic()
        first = self.restore()
        before = self.seconds
        for step in range(first, steps):
            figures = step_once(step)
            self.seconds = before + time.monotonic() - began
            tell(step + 1, steps)
            if (step + 1) % report_every == 0 or step + 1 == steps:
                shown = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
                log.info("%s: step %d/%d %s (%.0f s)", self._path.stem, step + 1, steps, shown, self.seconds)
            if time.monotonic() - self._saved_at > SAVE_EVERY_S or step + 1 == steps:
                self.save(step + 1)
                self._saved_at = time.monotonic()
