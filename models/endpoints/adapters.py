"""Adapters in servers: loaded into every one of them from a folder that they see, under a name made of the content.

The name says what the adapter is, so that servers that several evolutions share cannot mistake one for another, and
loading it twice changes nothing. vLLM reads the folder again when its cache pushed the adapter out: the folder stays
until the adapter is taken out of the servers.
"""

import hashlib
import os
import shutil
import time
import uuid
from pathlib import Path

from models.adapters import CONFIG, WEIGHTS
from models.endpoints.servers import REST_S, TRIES, Answerless, Refusal, Server, Servers
from viper.endpoints import ADAPTERS, adapters_folder
from viper.errors import EndpointAway, ModelError

LOAD, UNLOAD = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"
BUSY = (429, 502, 503, 504)
"""Answers after which loading again may succeed; what is wrong with an adapter, vLLM says with 500, too."""


class ServedAdapter:
    """An adapter that the servers have.

    Args:
        servers: Of the model that it was trained on.
        folder: The adapter, as peft saves it. It is copied to where the servers see it.

    Raises:
        ModelError: A server does not take it.
        EndpointAway: A server does not answer.
    """

    def __init__(self, servers: Servers, folder: Path) -> None:
        self._servers = servers
        self.name = f"viper-{_content(folder)[:24]}"
        self._folder = _copied(folder, adapters_folder() / self.name)
        self.load()

    def load(self) -> None:
        """Load it into every server that has it not."""
        for server in self._servers.all:
            self._load(server)

    def unload(self) -> None:
        """Take it out of every server that answers, and remove the copy."""
        for server in self._servers.all:
            try:
                self._servers.call(server, "POST", UNLOAD, {"lora_name": self.name})
            except (Answerless, Refusal):  # it is away, or somebody took it out before
                continue
        shutil.rmtree(self._folder, ignore_errors=True)

    def _load(self, server: Server) -> None:
        body = {"lora_name": self.name, "lora_path": str(self._folder)}
        said = ""
        for number in range(TRIES):
            try:
                self._servers.call(server, "POST", LOAD, body)
                return
            except (Answerless, Refusal) as error:
                said = str(error)
                if "already been loaded" in said:
                    return
                if error.status and error.status not in BUSY:
                    raise ModelError(
                        f"A server does not load an adapter: {said} Expected vLLM, started with --enable-lora, "
                        "--max-lora-rank at least training.lora.rank and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, which "
                        f"sees {self._folder} ({ADAPTERS} names the folder)."
                    ) from error
            time.sleep(REST_S[number])
        raise EndpointAway(f"{said}. It was to load an adapter, in {TRIES} tries.")


def _content(folder: Path) -> str:
    """Hash of an adapter, 64 hex digits."""
    try:
        parts = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (CONFIG, WEIGHTS)]
    except OSError as error:
        raise ModelError(f"{folder} holds no LoRA adapter as peft saves it: {error}") from error
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _copied(folder: Path, to: Path) -> Path:
    """A whole copy of an adapter's two files, made once."""
    if to.is_dir():
        return to
    draft = to.with_name(f"{to.name}.{uuid.uuid4().hex}.part")
    try:
        draft.mkdir(parents=True)
        for name in (CONFIG, WEIGHTS):
            shutil.copy(folder / name, draft / name)
        os.replace(draft, to)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not to.is_dir():  # another process may have been quicker
            raise ModelError(f"{ADAPTERS} is {str(to.parent)!r}, which cannot be written: {error}") from error
    return to
