"""Trainings in two processes (gloo, on the CPU) end where one does: with DDP, with FSDP2, killed, on two nodes."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from storage.checkpoints import newest_checkpoint
from storage.objects import ObjectStore
from tasks.training_runner import run_training
from tasks.training_spec import TrainingSpec
from tests.integration.test_training_resume import STAGE, SUPERVISED, small_vlm, spec_in
from tests.openai_server import SmallServer, serving
from tests.servers import free_ports
from viper.errors import CheckpointMismatch, TrainingFailed
from viper.settings import EndpointServing, ServedRollouts, Stage, VlmSettings

# Each process imports torch, transformers and TRL: many seconds on a busy machine.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

Method = Literal["lora", "full"]
Sharding = Literal["none", "fsdp2"]
TWO = ("torchrun", "--nproc_per_node", "2")
# Two micro-batches a process and step; no group lies in one. A sum in another order may not flip a token's draw.
REINFORCED = STAGE.model_copy(update={"learning_rate": 1e-3, "micro_batch": 2})
ONE_BY_ONE = SUPERVISED.model_copy(update={"learning_rate": 1e-3, "micro_batch": 1})
ROUNDING = 1e-5
"""Largest difference of a weight after eight steps of the size 1e-3."""
Weights = dict[str, torch.Tensor]


def made(folder: str) -> Weights:
    from safetensors.torch import load_file

    (file,) = Path(folder).glob("*.safetensors")
    return load_file(file)


def apart(found: Weights, expected: Weights) -> float:
    assert found.keys() == expected.keys()
    return max(float((found[name] - value).abs().max()) for name, value in expected.items())


@pytest.fixture(scope="module")
def vlm(tmp_path_factory: pytest.TempPathFactory) -> VlmSettings:
    return small_vlm(tmp_path_factory.mktemp("vlm"))


@pytest.fixture(scope="module")
def alone(vlm: VlmSettings, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Stage, Method], Path]:
    """The folder of what one process makes, trained at most once for each stage and method."""
    known: dict[tuple[str, str], Path] = {}

    def trained(stage: Stage, method: Method) -> Path:
        if (stage.name, method) not in known:
            spec = spec_in(tmp_path_factory.mktemp("alone"), vlm, stage, method)
            known[stage.name, method] = Path(run_training(spec, 900, print).model_folder)
        return known[stage.name, method]

    return trained


def spec_of_two(folder: Path, vlm: VlmSettings, stage: Stage, method: Method, sharding: Sharding) -> TrainingSpec:
    spec = spec_in(folder, vlm, stage, method)
    return spec.model_copy(update={"launcher": TWO, "sharding": sharding})


@pytest.mark.parametrize(
    ("stage", "method", "sharding"),
    [
        (REINFORCED, "lora", "fsdp2"),
        *[
            pytest.param(stage, method, sharding, marks=pytest.mark.slow)
            for stage, method, sharding in [
                (REINFORCED, "full", "fsdp2"),
                (REINFORCED, "lora", "none"),
                (REINFORCED, "full", "none"),
                (ONE_BY_ONE, "lora", "fsdp2"),
                (ONE_BY_ONE, "full", "none"),
            ]
        ],
    ],
)
def test_two_processes_end_where_one_does(
    tmp_path: Path,
    vlm: VlmSettings,
    alone: Callable[[Stage, Method], Path],
    stage: Stage,
    method: Method,
    sharding: Sharding,
) -> None:
    """With rollouts of their own, prompts shared: each draws those of its prompts as one process would."""
    both = run_training(spec_of_two(tmp_path, vlm, stage, method, sharding), 900, print)
    expected = alone(stage, method)
    assert apart(made(both.model_folder), made(str(expected))) < ROUNDING
    assert both.steps == stage.steps
    for path in expected.glob("*.json"):  # what stands beside the weights tells nothing of how they were divided
        assert (Path(both.model_folder) / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
@pytest.mark.parametrize(("method", "sharding"), [("lora", "fsdp2"), ("full", "fsdp2"), ("lora", "none")])
def test_a_killed_process_ends_the_stage_with_one_line_and_it_resumes(
    tmp_path: Path, vlm: VlmSettings, alone: Callable[[Stage, Method], Path], method: Method, sharding: Sharding
) -> None:
    spec = spec_of_two(tmp_path, vlm, REINFORCED, method, sharding)
    store = ObjectStore(spec.store_root)

    def kill_second(_: dict[str, Any]) -> None:
        if newest_checkpoint(store, spec.inputs.checkpoints):
            os.kill(process_of(spec, rank=1), signal.SIGKILL)

    with pytest.raises(TrainingFailed) as failure:
        run_training(spec, 900, kill_second)
    assert str(failure.value).startswith("Process 1 of the training was killed by SIGKILL.")
    assert "\n" not in str(failure.value)
    step, checkpoint = newest_checkpoint(store, spec.inputs.checkpoints) or (0, None)
    assert checkpoint is not None
    names = set(store.manifest(checkpoint).entries)
    assert {"rng_state_0.pth.safetensors", "rng_state_1.pth.safetensors"} <= names
    assert not any(name.endswith((".pt", ".pth", ".bin", ".distcp")) for name in names)
    if sharding == "fsdp2":
        assert len([name for name in names if name.startswith("shards/")]) == 2
        with pytest.raises(CheckpointMismatch, match="sharding is 'fsdp2' in the checkpoint and 'none' now"):
            run_training(spec.model_copy(update={"sharding": "none"}), 900, print)
    elsewhere = spec.model_copy(update={"work_folder": str(tmp_path / "other")})
    resumed = run_training(elsewhere, 900, print)
    assert resumed.resumed_from == step > 0
    assert apart(made(resumed.model_folder), made(str(alone(REINFORCED, method)))) < ROUNDING


def process_of(spec: TrainingSpec, rank: int) -> int:
    """The process of this number among those of a training."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if spec.work_folder.encode() in words and f"RANK={rank}".encode() in environment:
            return int(folder.name)
    raise AssertionError(f"no process {rank} of {spec.work_folder}")


@pytest.mark.slow
def test_two_nodes_end_where_one_process_does(
    tmp_path: Path, vlm: VlmSettings, alone: Callable[[Stage, Method], Path]
) -> None:
    """As Slurm's ``srun`` would: the launcher starts the same command on each node, and they meet at an address."""
    (port,) = free_ports(1)
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nexec 3<&0\n"$@" <&3 &\n"$@"; status=$?\nwait $! && exit $status\n')
    srun.chmod(0o755)
    launcher = (str(srun), *TWO[:1], "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d")
    spec = spec_of_two(tmp_path, vlm, REINFORCED, "lora", "fsdp2")
    meeting = ("--rdzv-id=1", f"--rdzv-endpoint=localhost:{port}")
    both = run_training(spec.model_copy(update={"launcher": (*launcher, *meeting)}), 900, print)
    assert apart(made(both.model_folder), made(str(alone(REINFORCED, "lora")))) < ROUNDING


@pytest.mark.slow
def test_servers_sample_for_both_processes_with_the_same_adapter(
    tmp_path: Path, vlm: VlmSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = vlm.model_copy(update={"serving": EndpointServing(engine="endpoint", requests_in_flight=2)})
    spec = spec_of_two(tmp_path, served, REINFORCED, "lora", "none")
    assert spec.inputs.reinforcement is not None
    by_reward = spec.inputs.reinforcement.model_copy(update={"rollouts": ServedRollouts(engine="endpoint")})
    spec = spec.model_copy(update={"inputs": spec.inputs.model_copy(update={"reinforcement": by_reward})})
    with serving(SmallServer(served)) as server:
        monkeypatch.setenv("VIPER_VLM_ENDPOINTS", server.address)
        monkeypatch.setenv("VIPER_ADAPTERS", str(tmp_path / "adapters"))
        run_training(spec, 900, print)
        loads = [body["lora_name"] for path, body in zip(server.asked, server.bodies, strict=True) if "/load_" in path]
        # Its name is its content: one of each rollout batch, and both processes ask for it.
        assert list(Counter(loads).values()) == [2] * (REINFORCED.steps // REINFORCED.updates_per_batch)
        assert list(server.models) == [served.path]
    assert not list((tmp_path / "adapters").iterdir())
