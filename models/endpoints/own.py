"""The vision-language model of synthesis and benchmarks by a vLLM that this process starts, and ends when it is done.

vLLM is no dependency: each of its releases pins a torch and a range of transformers of its own. So it runs beside this
process, as its engine does anyway, in the Python environment that ``VIPER_VLLM_PYTHON`` names, and is asked as every
other server is.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from models.adapters import CONFIG
from models.endpoints.servers import Addresses
from models.endpoints.writer import EndpointVlm
from models.locations import resolve
from models.vlm import load_processing
from viper.asking import AwayError, ask
from viper.environment import work_folder
from viper.errors import ModelError
from viper.settings import EndpointServing, VllmServing, VlmSettings

PYTHON = "VIPER_VLLM_PYTHON"
HOST = "127.0.0.1"
READY_S = 1800
"""So long the start may take: weights are read and graphs compiled."""
IN_FLIGHT = 128
"""Requests at a time: vLLM puts them together as they fit."""
MOST_PICTURES = 8
"""Pictures of one prompt; benchmarks ask about up to this many."""
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Largest ranks of adapters for which vLLM makes room."""
NO_CHUNKS = "--no-enable-chunked-prefill"
"""vLLM on CPUs ends at the first prompt with a seed that it reads in two parts: it draws after the first one, too, and
cannot take that draw back, as it does on GPUs (``CPU Generator does not use offset``, vLLM 0.31)."""
ROOT = Path(__file__).resolve().parents[2]


def vllm_python() -> str:
    """The Python of vLLM's environment; this one if none is named."""
    return os.path.expanduser(os.environ.get(PYTHON, "")) or sys.executable


def check_vllm() -> None:
    """See that vLLM is installed where it shall run.

    Raises:
        ModelError: It is not.
    """
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
    try:
        found = subprocess.run([vllm_python(), "-c", look], capture_output=True, check=False).returncode == 0
    except OSError:
        found = False
    if not found:
        raise ModelError(
            f'models.vlm.serving.engine is "vllm", but the package vllm is not installed for {vllm_python()}. Install '
            f"vLLM in an environment of its own, and name its Python in {PYTHON}."
        )


class VllmVlm(EndpointVlm):
    """Starts a server of vLLM on this machine; it is gone after ``close``, and whenever this process is gone.

    Args:
        settings: Of the model.
        serving: How vLLM is set up.
        adapter: Folder of the adapter on its weights; empty for none.

    Raises:
        ModelError: vLLM is not installed or cannot load the model.
    """

    def __init__(self, settings: VlmSettings, serving: VllmServing, adapter: str = "") -> None:
        check_vllm()
        key, port = secrets.token_urlsafe(24), _free_port()
        address = f"http://{HOST}:{port}"
        self._log = work_folder() / f"vllm-{port}.log"
        self._process = _start(_command(settings, serving, adapter, port), key, settings.device, self._log)
        try:
            self._wait(address, key)
            asked = EndpointServing(engine="endpoint", requests_in_flight=IN_FLIGHT, served_name=resolve(settings.path))
            super().__init__(settings, asked, adapter, Addresses((address,), key))
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        """End the server: its memory is free afterwards."""
        super().close()
        self._end()

    def _wait(self, address: str, key: str) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with suppress(AwayError):
                ask(f"{address}/v1/models", "", key)
                return
            time.sleep(0.5)
        lines = " | ".join(deque(self._log.open(errors="replace"), 8)).replace("\n", "")
        raise ModelError(f"vLLM does not start with models.vlm and its serving. Its last lines: {lines}")

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._log.unlink(missing_ok=True)


def _command(settings: VlmSettings, serving: VllmServing, adapter: str, port: int) -> list[str]:
    positions = int(load_processing(settings)[2].get_text_config().max_position_embeddings)
    command = [
        *(vllm_python(), "-m", "vllm.entrypoints.openai.api_server", "--host", HOST, "--port", str(port)),
        *("--model", resolve(settings.path), "--revision", settings.revision, "--dtype", settings.dtype),
        *("--max-model-len", str(min(serving.context_tokens, positions)), "--generation-config", "vllm"),
        *("--gpu-memory-utilization", str(serving.memory_share)),
        *("--limit-mm-per-prompt", json.dumps({"image": MOST_PICTURES, "video": 0})),
    ]
    command += [] if serving.compiled else ["--enforce-eager"]
    command += [NO_CHUNKS] if settings.device == "cpu" else []
    return command + (["--enable-lora", "--max-lora-rank", str(_room_for(adapter))] if adapter else [])


def _start(command: list[str], key: str, device: str, log: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "VLLM_API_KEY": key, "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}
    environment |= {"VLLM_NO_USAGE_STATS": "1", "PYTHONPATH": str(ROOT)}
    if number := device.partition(":")[2]:
        visible = [one for one in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
        environment["CUDA_VISIBLE_DEVICES"] = visible[int(number)] if int(number) < len(visible) else number
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "models.endpoints.guard", *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def _room_for(adapter: str) -> int:
    """The smallest rank of vLLM's that an adapter fits into."""
    rank = int(json.loads((Path(adapter) / CONFIG).read_text())["r"])
    if rank > RANKS[-1]:
        raise ModelError(f"The adapter in {adapter} has rank {rank}, but vLLM takes up to {RANKS[-1]}.")
    return next(room for room in RANKS if room >= rank)
