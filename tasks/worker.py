"""Where steps work: the store, the models in this process's memory, a folder for files.

A worker decides nothing of what a step computes. It knows on which devices models run, loads each at its first use, and
keeps it until a step works with others.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from pydantic import BaseModel

from storage.folder import sweep_stale
from storage.objects import ObjectStore
from tasks.pace import Pace, Phase
from tasks.step import Role
from viper.diffusion import DiffusionUse
from viper.environment import scratch_folder, work_folder
from viper.progress import Listener, heard_by
from viper.records import ArtifactRef, JudgeUse, ModelRef, ModelUse, Record, VlmUse
from viper.settings import DiffusionSettings, ModelSettings, Serving, TransformersServing, VlmSettings

if TYPE_CHECKING:
    from models.roles import Answerer, Editor, Judge, Painter

Found = TypeVar("Found")


class Machine(Record):
    """How this machine works: on which devices, and how trainings are started and watched."""

    vlm: str = "cpu"
    """Torch device of the vision-language model, such as ``cpu`` or ``cuda:1``."""
    serving: Serving = TransformersServing()
    """Who generates with it; the engine's name is part of ``VlmUse``, too, because it decides results."""
    painter: str = "cpu"
    editor: str = "cpu"
    judge: str = "cpu"
    similarity: str = "cpu"
    offloaded: tuple[str, ...] = ()
    """``painter`` and ``editor``, where their components wait in main memory."""
    launcher: tuple[str, ...] = ()
    """Command put before the training process; empty for plain Python."""
    sharding: Literal["none", "fsdp2"] = "none"
    """How trainings divide weights among processes."""
    hang_timeout_s: int = 1800
    """A training process without a finished step for this long is stopped, in seconds."""
    allow_code_change: bool = False
    """Trainings go on from checkpoints that other code made."""


class Worker:
    """One process that runs one step at a time, so a model is never used by two threads at once.

    Args:
        store: Where artifacts lie.
        machine: On which devices models run.
        listen: By the title of a step, who hears how far its loops are.
    """

    def __init__(
        self, store: ObjectStore, machine: Machine, listen: Callable[[str], Listener] = lambda title: Pace(title).tell
    ) -> None:
        self.store, self.machine, self._listen = store, machine, listen
        self.doing = "starting"
        self.phase: Phase | None = None
        self._roles: tuple[Role, ...] = ()
        self._models: dict[Role, dict[str, Any]] = {}
        self._last: dict[str, tuple[object, Any]] = {}
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """A local folder of the running step alone; it is gone when the step is over.

        Raises:
            RuntimeError: No step is running.
        """
        if self._folder is None:
            raise RuntimeError("The worker has a folder only while it works on a step.")
        return self._folder

    def __str__(self) -> str:
        """What is being done, and how far its phase is."""
        phase = str(self.phase or "")
        return f"{self.doing} ({phase})" if phase else self.doing

    @contextmanager
    def working_on(self, title: str, roles: Sequence[Role]) -> Iterator[None]:
        """Around the work on one step with the models of some roles: those of others leave the memory before."""
        self.doing, self._roles = title, tuple(roles)
        if roles and self._models.keys() - set(roles):
            self._forget(self._models.keys() - set(roles))
            free_memory()
        with scratch_folder() as folder:
            self._folder = folder
            try:
                with heard_by(self._listen(title)):
                    yield
            finally:
                self._folder = None

    def vlm(self, use: VlmUse) -> "Answerer":
        """The vision-language model."""
        from models.writers import load_writer

        return self._loaded("vlm", load_writer, self.vlm_settings(use), self.adapter_of(use.model))

    def painter(self, use: DiffusionUse) -> "Painter":
        """The painter of captions."""
        from models.pipelines.painter import DiffusersPainter

        return self._loaded("painter", DiffusersPainter, self._diffusion(use, "painter"))

    def editor(self, use: DiffusionUse) -> "Editor":
        """The editor by instructions."""
        from models.pipelines.editor import DiffusersEditor

        return self._loaded("editor", DiffusersEditor, self._diffusion(use, "editor"))

    def judge(self, use: JudgeUse) -> "Judge":
        """What compares pictures."""
        from models.judges import find_judge

        path = use.model.settings_path if use.model else ""
        revision = use.model.revision if use.model else ""
        return self._loaded("judge", find_judge(use.kind), path, revision, self.machine.judge)

    def release(self) -> None:
        """Forget all models, so that their memory is free for what comes next."""
        self._forget(self._models.keys())
        self._last.clear()
        free_memory()

    def remember(self, name: str, made_of: object, make: Callable[[], Found]) -> Found:
        """What ``make`` gives, kept under ``name`` until something else is made there: the next step may need it."""
        if name not in self._last or self._last[name][0] != made_of:
            self._last.pop(name, None)
            self._last[name] = (made_of, make())
        return cast(Found, self._last[name][1])

    def settings_of(self, use: ModelUse, device: str) -> ModelSettings:
        """How a model is loaded here; one that a round made from a local copy."""
        model = use.model
        return ModelSettings.model_validate(
            {
                "path": self._local_copy(model.artifact) if model.artifact else model.settings_path,
                "revision": model.revision or "main",
                "dtype": use.dtype,
                "device": device,
                **({"attention": use.attention} if use.attention else {}),
            }
        )

    def vlm_settings(self, use: VlmUse) -> VlmSettings:
        """How a vision-language model is loaded here, also by a training process."""
        own = {"min_pixels": use.min_pixels, "max_pixels": use.max_pixels, "serving": self.machine.serving}
        return VlmSettings.model_validate({**self.settings_of(use, self.machine.vlm).model_dump(), **own})

    def adapter_of(self, model: ModelRef) -> str:
        """Local folder of the adapter on a model's weights; empty for none."""
        return self._local_copy(model.lora) if model.lora else model.adapter

    def _forget(self, roles: Iterable[Role]) -> None:
        for role in list(roles):
            for model in self._models.pop(role).values():
                if role == "vlm":
                    model.close()

    def _local_copy(self, made: ArtifactRef) -> str:
        local = work_folder() / "models"
        sweep_stale(local, "*")  # local copies that nobody has asked for since yesterday
        folder = self.store.download(made, local / made.sha256)
        os.utime(folder)
        return str(folder)

    def _diffusion(self, use: DiffusionUse, role: Literal["painter", "editor"]) -> DiffusionSettings:
        device = self.machine.painter if role == "painter" else self.machine.editor
        called = use.model_dump(exclude={"model", "dtype", "attention", "lora"})
        lora = {"lora": use.lora.settings_path, "lora_revision": use.lora.revision or "main"} if use.lora else {}
        own = {"offload": role in self.machine.offloaded}
        return DiffusionSettings.model_validate({**self.settings_of(use, device).model_dump(), **called, **lora, **own})

    def _loaded(self, role: Role, load: Callable[..., Found], *arguments: object) -> Found:
        if self._roles and role not in self._roles:
            raise RuntimeError(f"The step {self.doing!r} asks for the {role}, but declares {', '.join(self._roles)}.")
        plain = [one.model_dump(mode="json") if isinstance(one, BaseModel) else one for one in arguments]
        key = f"{load.__module__}.{load.__qualname__} {json.dumps(plain, sort_keys=True)}"
        models = self._models.setdefault(role, {})
        if key not in models:
            models[key] = load(*arguments)
        return cast(Found, models[key])


def free_memory() -> None:
    """Give the memory of models that nobody holds any more back to the machine: an accelerator's allocator keeps it."""
    gc.collect()
    if "torch" in sys.modules:
        import torch

        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()
