"""Weights that are divided among the processes of a training: PyTorch's FSDP2 (``fully_shard``, arXiv 2304.11277).

Each process keeps its part of every weight, of its gradient and of the optimizer's moments. The weights of a layer are
whole only while it computes, and those of the model while rollouts are sampled (``gathered``): a token costs then what
it costs in one process, and processes may sample answers of different lengths without waiting for each other.

Numbers are those of training with whole copies (DDP) up to the order of sums: weights keep their own format while they
travel, and gradients are averaged in theirs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor


def shard(model: Any) -> None:
    """Divide a model's weights among all processes, which must have joined (``torch.distributed``).

    Args:
        model: Of transformers, with or without adapters in it, on the device of this process.
    """
    kinds = getattr(model, "_no_split_modules", None) or set()
    mesh = init_device_mesh(model.device.type, (torch.distributed.get_world_size(),))
    for module in list(model.modules()):
        if type(module).__name__ in kinds:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def is_sharded(model: Any) -> bool:
    """Whether ``shard`` divided the weights of a model."""
    return isinstance(model, FSDPModule)


@contextmanager
def gathered(model: Any) -> Iterator[None]:
    """Within the context, all weights of a sharded model are whole, for passes without gradients.

    Any part of the model may be called, and another number of times in each process. Nothing changes for a model that
    is not sharded.
    """
    units = [module for module in model.modules() if isinstance(module, FSDPModule)]
    if units:
        # A layer that is called before the model would take itself for the whole; there is no public way to tell it.
        model._get_fsdp_state()._lazy_init()
        model.set_reshard_after_forward(False)
    for unit in units:
        unit.unshard()
    try:
        yield
    finally:
        for unit in units:
            unit.set_reshard_after_forward(unit is not model, recurse=False)
            unit.reshard()


def whole_weights(model: Any, keep: bool) -> dict[str, Tensor]:
    """The weights of a sharded model by name, on the CPU.

    Args:
        model: All processes call this with it.
        keep: Whether this process wants them; others get nothing.
    """
    found, known = {}, dict[int, Tensor]()
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in known:  # tied weights stay one
            whole = value.detach()
            if isinstance(whole, DTensor):
                whole = whole.full_tensor()
            known[id(value)] = whole.cpu() if keep else whole.new_empty(0)
        if keep:
            found[name] = known[id(value)]
    return found


def save_shards(model: Any, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Write what learns and the optimizer's moments, each process its part, as safetensors. All processes call this."""
    folder.mkdir(parents=True, exist_ok=True)
    save(_learned(model, optimizer), storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))


def load_shards(model: Any, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Read what ``save_shards`` wrote, also by another number of processes. All processes call this."""
    load(_learned(model, optimizer), storage_reader=HuggingFaceStorageReader(str(folder)))


def _learned(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """By name the weights that learn, and of each its moments and steps; not copies.

    Rates and the like stand beside them in an optimizer: they come from the settings and the scheduler.
    """
    found = {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}
    state: Any = get_optimizer_state_dict(model, optimizer)["state"]  # which it makes, where there is none yet
    return found | {
        f"{name}.{part}": value
        for name, parts in state.items()
        for part, value in parts.items()
        if torch.is_tensor(value)
    }
