"""Muon in single precision.

``torch.optim.Muon`` orthogonalizes in bfloat16, which CPUs without bfloat16 units emulate slowly. This one keeps
float32 and treats all matrices of one shape as a batch.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrices to (N, R, C), by a quintic Newton-Schulz iteration (Jordan et al., 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    nearest: Tensor = x.mT if tall else x
    return nearest


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalized, for the matrices of a network; everything else wants AdamW.

    Args:
        matrices: Two-dimensional parameters.
        lr: Learning rate; scaled by sqrt(max(1, rows / columns)).
        momentum: Nesterov momentum, in [0, 1).
        weight_decay: Decoupled decay.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of all parameters that have a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if (gradient := parameter.grad) is not None:
                    shapes[parameter.shape].append((parameter, gradient))
            for shape, pairs in shapes.items():
                looks = []
                for parameter, gradient in pairs:
                    state = self.state[parameter]
                    if "momentum" not in state:
                        state["momentum"] = torch.zeros_like(parameter)
                    state["momentum"].lerp_(gradient, 1 - group["momentum"])
                    looks.append(gradient.lerp(state["momentum"], group["momentum"]))
                updates = orthogonalize(torch.stack(looks)) * max(1.0, shape[0] / shape[1]) ** 0.5
                for (parameter, _), update in zip(pairs, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])
