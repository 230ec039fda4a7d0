"""What every step of a round has in common: a key, an artifact under that key, and a worker's models.

A step's key is the hash of everything that decides its result. Before it works, a step looks for an artifact under
its key; what is found is never computed again, on any machine. The store is the only truth about what is done:
Prefect shows it, as the state ``Reused``.
"""

import functools
import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import State
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed
from prefect.tasks import Task
from pydantic import BaseModel, JsonValue

from storage.folder import sweep_stale
from storage.layout import result_key
from storage.manifest import PROVENANCE
from storage.objects import ObjectStore
from tasks.survey import Seen, current_survey
from viper.environment import store_root, work_folder
from viper.errors import CorruptArtifact, StoreUnavailable
from viper.records import ArtifactRef, ModelRef
from viper.settings import ModelSettings, Settings

TRANSIENT = (StoreUnavailable, ConnectionError, TimeoutError)
"""Errors that may pass by themselves. Everything else ends the step at once."""

log = logging.getLogger("viper")

Entries = Mapping[str, bytes | Path]
Result = TypeVar("Result")
Inputs = ParamSpec("Inputs")


def _worth_a_retry(_task: Any, _run: Any, state: State) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, TRANSIENT)


class Step(Task[Inputs, Result]):
    """A Prefect task whose call gives the result also where the task chose its own final state.

    In a survey it is a plain function, which Prefect does not see.
    """

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The step's result."""
        if current_survey() is not None:
            return self.fn(*arguments, **named)
        found = super().__call__(*arguments, **named)
        return found.result() if isinstance(found, State) else found

    def submit(self, *arguments: Any, **named: Any) -> Any:
        """A future of the step's result."""
        if current_survey() is not None:
            return Seen(self.fn(*arguments, **named))
        return super().submit(*arguments, **named)


def step_task(
    name: str, task_run_name: str | None = None
) -> Callable[[Callable[Inputs, Result | State[Result]]], Task[Inputs, Result]]:
    """Decorator of every step: retried on ``TRANSIENT`` errors for about two minutes, never cached by Prefect.

    Args:
        name: What the step does, as the Prefect UI shows it.
        task_run_name: Template of a run's name, over the step's arguments.
    """

    def decorate(function: Callable[Inputs, Result | State[Result]]) -> Task[Inputs, Result]:
        return Step(
            function,  # type: ignore[arg-type]
            name=name,
            task_run_name=task_run_name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=5,
            retry_delay_seconds=[1, 5, 15, 30, 60],
            retry_condition_fn=_worth_a_retry,
            retry_jitter_factor=0.2,
        )

    return decorate


def plain(value: object) -> Any:
    """Settings and records as JSON values."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def key_of(step: str, version: int, inputs: Mapping[str, object]) -> str:
    """The key of a step: SHA-256 over its name, its version and its inputs, 64 hex digits.

    An artifact among the inputs counts by its content, not by its place and not by what it was made from: a step that
    decides the same as before leaves everything after it as it is.
    """
    text = json.dumps({"step": step, "version": version, "inputs": _by_content(inputs)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _by_content(value: object) -> Any:
    """Inputs as JSON values, with the content of an artifact in place of its reference."""
    if isinstance(value, ArtifactRef):
        return {"kind": value.kind, "content": value.content_sha256 or value.sha256}
    if isinstance(value, BaseModel):
        return {name: _by_content(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(name): _by_content(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_by_content(item) for item in value]
    return value


def seed_of(settings: Settings, round_number: int, step: str, item: object = "") -> int:
    """The seed of one item of one step, in [0, 2**62): from the evolution's seed, the round, the step and the item."""
    text = f"{settings.seed}/{round_number}/{step}/{item}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2


def open_store() -> ObjectStore:
    """The store of this environment."""
    return ObjectStore(store_root())


def once(
    step: str,
    version: int,
    inputs: Mapping[str, object],
    compute: Callable[[], tuple[Entries, dict[str, JsonValue]]],
    label: str = "",
) -> ArtifactRef | State[ArtifactRef]:
    """The step's artifact: found under its key, or computed and committed.

    Args:
        step: Name of the step, also the kind of its artifact.
        version: Raised by hand when the step's code changes what it computes.
        inputs: Everything else that decides the result: settings slices, references, seeds, shard.
        compute: Makes the artifact's entries and its small facts.
        label: What a survey calls the step, where its name says too little.

    Returns:
        The reference; wrapped in a Prefect state ``Reused`` if nothing was computed.
    """
    store = open_store()
    key = result_key(step, key_of(step, version, inputs))
    if (survey := current_survey()) is not None:
        return survey.look(store, label or step, key)
    where = current_run_name() or step
    try:
        found = store.find(key)
        if found is not None:
            store.manifest(found)
            log.info("%s: done before, reused", where)
            return Completed(name="Reused", message=f"{step} was done before: {key[:24]}…", data=found)
    except CorruptArtifact as error:
        log.warning("%s", error)
        store.delete(key)
    began = time.monotonic()
    _doing[0] = where
    entries, meta = compute()
    # Nothing that differs between two runs of the same step may go in: later keys are made of the artifact's content.
    ref = store.commit(key, step, entries, {**meta, PROVENANCE: plain(inputs)})
    log.info("%s: %.1f s, %s kB", where, time.monotonic() - began, f"{ref.size_bytes / 1000:,.0f}")
    return ref


_doing = ["starting"]


def doing() -> str:
    """What this process works on, or worked on last."""
    return _doing[0]


def current_run_name() -> str | None:
    """The name of the running Prefect task, as the UI shows it; ``None`` outside of a task."""
    from prefect.runtime import task_run

    name = task_run.name
    return re.sub(r"-[0-9a-f]{3}$", "", name) if name else None


def read_json(ref: ArtifactRef, name: str) -> Any:
    """One JSON entry of an artifact."""
    return json.loads(open_store().read(ref, name))


def to_json(value: object) -> bytes:
    """Bytes of a JSON entry: equal values give equal bytes."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, indent=1).encode()


_models: dict[str, Any] = {}


def worker_model(make: Callable[..., Result], *arguments: object) -> Result:
    """A model of this worker: made at its first use, kept until ``release_models``.

    A worker is a process that runs one step at a time, so models are never used by two threads at once.
    """
    key = f"{make.__module__}.{make.__qualname__} {json.dumps(plain(list(arguments)), sort_keys=True)}"
    if key not in _models:
        _models[key] = make(*arguments)
    result: Result = _models[key]
    return result


def release_models() -> None:
    """Forget this worker's models, so that their memory is free for what comes next."""
    _models.clear()


def model_settings(settings: Settings, vlm: ModelRef) -> ModelSettings:
    """How to load a VLM on this machine: the base as its profile says, a round's model from a local copy."""
    if vlm.artifact is None:
        return settings.models.vlm
    local = work_folder() / "models"
    sweep_stale(local, "*")  # local copies that nobody has asked for since yesterday
    folder = open_store().download(vlm.artifact, local / vlm.artifact.sha256)
    os.utime(folder)
    return settings.models.vlm.model_copy(update={"path": str(folder)})


def fingerprint(settings: ModelSettings) -> str:
    """What decides a model's weights: a hash over the files of a folder, or hub name and revision."""
    from models.locations import resolve

    return _fingerprint(resolve(settings.path), settings.revision)


@functools.cache
def _fingerprint(location: str, revision: str) -> str:
    folder = Path(location)
    if not folder.is_dir():
        return f"{location}@{revision}"
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md"):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
