"""A real vLLM for tests, in the environment that `make vllm` makes: servers, and programs that import it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.endpoints.own import NO_CHUNKS
from models.locations import resolve
from tests.servers import HOST, Server, free_ports

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "2",
    "PYTHONPATH": str(ROOT),
}


def vllm_python() -> Path:
    """The Python of vLLM's environment; the test is skipped where there is none."""
    python = Path(os.environ.get("VLLM_ENV") or ROOT / ".vllm") / "bin" / "python"
    if not python.is_file():
        pytest.skip("no environment with vLLM here: `make vllm` makes it")
    return python


def vllm_server(folder: Path, model: str = "shapes:vlm", more: Sequence[str] = ()) -> Server:
    """A server of vLLM on the CPU that takes adapters, not started yet.

    Args:
        folder: Of its log.
        model: As in ``models.vlm.path``.
        more: Other arguments.
    """
    (port,) = free_ports(1)
    command = [
        str(vllm_python()),
        *("-m", "vllm.entrypoints.openai.api_server", "--host", HOST, "--port", str(port), "--model", resolve(model)),
        *("--dtype", "float32", "--enforce-eager", "--max-model-len", "512"),
        *("--limit-mm-per-prompt", json.dumps({"image": 2, "video": 0}), "--enable-lora", "--max-lora-rank", "64"),
        NO_CHUNKS,
        *more,
    ]
    return Server("vllm", folder, command, f"http://{HOST}:{port}/v1/models", ENVIRONMENT)
