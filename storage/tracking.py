"""MLflow: evolution, round and stage as nested runs that a resumed process finds again.

Figures, pages for people and store references go to MLflow, never data or models. Every call is first an operation, a
small JSON value. An operation that MLflow does not answer is appended to a spool file, and all later ones after it,
until ``flush_spool`` replays them in order. Operations carry their own time and can be replayed twice without harm, so
a process killed during a replay loses and duplicates nothing.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from storage.layout import check_name
from storage.mlflow_calls import OPERATIONS, Operation, find_or_create_run, find_run, is_away
from viper.addresses import shown_address, without_passwords
from viper.escaping import visible
from viper.records import ArtifactRef

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_VALUE = 5000
"""Characters of a parameter or tag, as every MLflow server takes them; longer ones are cut."""

Status = Literal["FINISHED", "FAILED", "KILLED"]

# A missing server must cost seconds and not the four minutes of MLflow's own retries: the spool keeps what it missed.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrackedRun:
    """One evolution, round or stage in MLflow."""

    tracker: "Tracker"
    name: str
    """Names from the evolution down, joined by slashes: ``shapes-1/round-0001/csr``."""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log settings. MLflow never changes one; a new value is kept as the tag ``changed.<name>``."""
        self._do("log_params", params={name: _value(value) for name, value in params.items()})

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log figures after ``step`` optimizer steps, shards or rounds."""
        self._do("log_metrics", metrics={name: float(value) for name, value in metrics.items()}, step=step)

    def log_curves(self, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Log the figures of steps, but those that the run has: of a training that was done before, or elsewhere."""
        self._do("log_curves", steps=[[step, dict(metrics)] for step, metrics in steps])

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Log short texts that may change, such as the verdict."""
        self._do("log_tags", tags={name: _value(value) for name, value in tags.items()})

    def log_dataset_input(self, ref: ArtifactRef, name: str, digest: str, rows: int = 0) -> None:
        """Log that this run trained on, or was measured on, the dataset version ``ref``; 0 rows are not told."""
        self._do("log_dataset_input", ref=ref.model_dump(), name=name, digest=digest, rows=rows)

    def log_files(self, store: str, ref: ArtifactRef, files: Sequence[str]) -> None:
        """Copy entries of an artifact to the run, for people: a report, plots.

        Args:
            store: Address of the store that has it.
            ref: The artifact.
            files: Names of entries.
        """
        self._do("log_files", store=store, ref=ref.model_dump(), files=list(files))

    def describe(self, name: str, note: str) -> None:
        """Give the run a name for people, and a description in Markdown."""
        self._do("describe", name=_value(name), note=_value(note))

    def describe_experiment(self, note: str) -> None:
        """Give the experiment of this run a description in Markdown."""
        self._do("describe_experiment", note=_value(note))

    def describe_champion(
        self, model_name: str, ref: ArtifactRef, about: str, note: str, tags: Mapping[str, str]
    ) -> None:
        """Describe a registered model.

        Args:
            model_name: Of the registered model.
            ref: The version of it that was made so.
            about: What the registered model is, in Markdown.
            note: What this version is, in Markdown.
            tags: Its scores and lineage, in short texts.
        """
        told = {
            "about": _value(about),
            "note": _value(note),
            "tags": {name: _value(text) for name, text in tags.items()},
        }
        self._do("describe_champion", model_name=model_name, ref=ref.model_dump(), **told)

    def set_champion(self, model_name: str, ref: ArtifactRef) -> None:
        """Register the model at ``ref`` as a version of ``model_name``, and move the alias ``champion`` to it."""
        self._do("set_champion", model_name=model_name, ref=ref.model_dump())

    def clear_champion(self, model_name: str) -> None:
        """Take the alias ``champion`` from every version of ``model_name``: the base is the champion."""
        self._do("clear_champion", model_name=model_name)

    def end(self, status: Status) -> None:
        """Close the run, then try to replay what MLflow missed meanwhile."""
        self._do("end", status=status)
        self.tracker.flush_spool()

    def _do(self, kind: str, **arguments: Any) -> None:
        self.tracker.do({"kind": kind, "run": self.name, "time_ms": int(time.time() * 1000), **arguments})


class Tracker:
    """Runs of one MLflow experiment, written through a spool. Processes may share the spool file."""

    def __init__(self, uri: str, experiment: str, spool: Path) -> None:
        self.uri, self.experiment, self.spool = uri, experiment, spool
        self._client_made: MlflowClient | None = None
        self._run_ids: dict[str, str] = {}
        self._warned = False

    def __reduce__(self) -> tuple[type["Tracker"], tuple[str, str, Path]]:
        return Tracker, (self.uri, self.experiment, self.spool)

    def run(self, evolution: str, round_number: int | None = None, stage: str | None = None) -> TrackedRun:
        """Open the run of an evolution, of one of its rounds or of a round's stage; the same one after a resume.

        A run that was left ``RUNNING`` by a killed process, or that had failed, is continued.
        """
        self.flush_spool()
        run = TrackedRun(self, _run_name(evolution, round_number, stage))
        self.do({"kind": "start", "run": run.name, "time_ms": int(time.time() * 1000)})
        return run

    def do(self, operation: Operation) -> None:
        """Carry out ``operation``, or spool it if MLflow is away or earlier operations still wait."""
        if not self._has_spooled():
            try:
                self._carry_out(operation)
                return
            except Exception as error:
                if not is_away(error):
                    raise
                self._warn(error)
        with _locked(self.spool.with_name(self.spool.name + ".lock")), self.spool.open("a") as file:
            file.write(json.dumps(operation) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def flush_spool(self) -> int:
        """Replay spooled operations in order until MLflow fails again, and return how many are left.

        An operation that MLflow refuses for good is dropped with an error in the log, so it cannot block the others.
        """
        if not self._has_spooled():
            return 0
        with _locked(self.spool.with_name(self.spool.name + ".lock")):
            waiting = self.spool.read_text().splitlines()
            while waiting:
                try:
                    self._carry_out(json.loads(waiting[0]))
                except json.JSONDecodeError:
                    _log.error("Dropped a torn line of the spool %s: %r", self.spool, waiting[0][:80])
                except Exception as error:
                    if is_away(error):
                        self._warn(error)
                        break
                    why = without_passwords(str(error))
                    _log.error("MLflow refused a spooled operation, dropped: %s (%s)", waiting[0], why)
                del waiting[0]
            remaining = self.spool.with_name(self.spool.name + ".new")
            remaining.write_text("".join(line + "\n" for line in waiting))
            os.replace(remaining, self.spool)
        return len(waiting)

    def _has_spooled(self) -> bool:
        return self.spool.exists() and self.spool.stat().st_size > 0

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            where, why = shown_address(self.uri), without_passwords(str(error))
            _log.warning("MLflow at %s is away (%s). Keeping what it misses in %s.", where, why, self.spool)
        self._warned = True

    def _carry_out(self, operation: Operation) -> None:
        client = self._client()
        name = operation["run"]
        if name not in self._run_ids:
            self._run_ids[name] = find_or_create_run(client, self.experiment, name, operation["time_ms"], self._files)
        OPERATIONS[operation["kind"]](client, self._run_ids[name], operation)

    @property
    def _files(self) -> str | None:
        """Where new experiments keep files: a server knows; for a database, beside the spool."""
        return None if self.uri.lower().startswith(("http://", "https://")) else self.spool.with_name("mlflow").as_uri()

    def page(self, evolution: str, round_number: int | None = None) -> str:
        """Address of the page of an evolution's or a round's run; empty without a server, and while it is away."""
        if self._files is not None or self._has_spooled():
            return ""
        name = _run_name(evolution, round_number)
        try:
            found = self._client().get_experiment_by_name(self.experiment)
            run_id = find_run(self._client(), found.experiment_id, name) if found else ""
        except Exception as error:
            if not is_away(error):
                raise
            self._warn(error)
            return ""
        # Between servers it may have an address that no browser can reach.
        server = shown_address((os.environ.get("VIPER_MLFLOW_PAGES") or self.uri).rstrip("/"))
        return f"{server}/#/experiments/{found.experiment_id}/runs/{run_id}" if run_id else ""

    def _client(self) -> "MlflowClient":
        if self._client_made is None:
            for name, value in _ENVIRONMENT.items():
                os.environ.setdefault(name, value)
            logging.getLogger("alembic").setLevel(logging.WARNING)
            from mlflow import MlflowClient

            if self.uri.startswith("sqlite:///"):
                database = Path(self.uri.removeprefix("sqlite:///"))
                # The first client migrates the database; two at once would break it for good.
                with _locked(database.with_name(database.name + ".lock")):
                    client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
                    client.search_experiments(max_results=1)
            else:
                client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            self._client_made = client
        return self._client_made


def _run_name(evolution: str, round_number: int | None = None, stage: str | None = None) -> str:
    names = [check_name("evolution", evolution)]
    if round_number is not None:
        names.append(f"round-{round_number:04d}")
    if stage is not None:
        names.append(check_name("stage", stage))
    return "/".join(names)


def _value(value: object) -> str:
    text = visible(str(value))
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
