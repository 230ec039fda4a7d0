"""The log of a run and of all that runs in it, step by step, as its Prefect server keeps it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter, LogFilter, TaskRunFilter
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.client.schemas.sorting import FlowRunSort, LogSort

from viper.errors import ProfileError
from viper.records import Record

LATE = timedelta(seconds=60)
"""So much later than it was made an entry may come, and its step become known."""
_PAGE = 200
"""The most that the server gives at once."""
_LOOKED_AT = 200
"""Runs among which one is looked for by name, the newest ones."""


class Line(Record):
    """One entry of a log."""

    at: datetime
    level: int
    """As in ``logging``: 20 is INFO."""
    step: str
    """Title of the step that said it; of the run or group, where none did."""
    text: str


def find_run(client: SyncPrefectClient, name: str) -> FlowRun:
    """The newest run of an evolution, or the run with this name or id; without a name the newest run of any evolution.

    Raises:
        ProfileError: There is none.
    """
    flows = None if name else FlowFilter.model_validate({"name": {"any_": ["evolve"]}})
    begun = FlowRunFilter.model_validate({"start_time": {"is_null_": False}})
    runs = client.read_flow_runs(
        flow_filter=flows, flow_run_filter=begun, sort=FlowRunSort.START_TIME_DESC, limit=_LOOKED_AT
    )
    of_evolution = re.compile(rf"{re.escape(name)}, rounds? \d+(–\d+)?")
    for run in runs:
        if not name or name in (run.name, str(run.id)) or of_evolution.fullmatch(run.name):
            return run
    known = sorted({run.name for run in runs if run.parent_task_run_id is None})
    raise ProfileError(
        f"The Prefect server knows no run of {name or 'an evolution'!r}. "
        + (f"Among its newest are: {', '.join(known[:8])}." if known else "It knows none at all.")
    )


@dataclass
class RunLog:
    """The log of one run, read further each time it is asked.

    Args:
        client: Of the server.
        run: The run.
        step: Only steps and groups whose title holds this text; empty for all.
    """

    client: SyncPrefectClient
    run: FlowRun
    step: str = ""
    _steps: dict[UUID, str] = field(default_factory=dict)
    """Titles by task run, as far as they have begun."""
    _groups: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    """Of each run within the run: its title, behind those of the runs around it."""
    _seen: set[UUID] = field(default_factory=set)
    _until: datetime | None = None

    @property
    def titles(self) -> list[str]:
        """Of the groups and steps that have begun, each once."""
        return list(dict.fromkeys([*(around[-1] for around in self._groups.values() if around), *self._steps.values()]))

    def has_ended(self) -> bool:
        """Whether the run is over, or waits without a process. Asks the server."""
        self.run = self.client.read_flow_run(self.run.id)
        return self.run.state is not None and (self.run.state.is_final() or self.run.state.is_paused())

    def new_lines(self, *, last: bool = False) -> Iterator[Line]:
        """What was said since it was asked last, the first time all, in order.

        Entries come to the server a moment after they were made, and it learns of a step later than of what it said.

        Args:
            last: It is not asked again: an entry whose step the server does not know yet is of the group around it.
        """
        self._find_steps()
        wanted: dict[str, object] = {"flow_run_id": {"any_": list(self._groups)}}
        if self._until is not None:
            wanted["timestamp"] = {"after_": self._until - LATE}
        for page in count():
            entries = self.client.read_logs(
                LogFilter.model_validate(wanted), limit=_PAGE, offset=page * _PAGE, sort=LogSort.TIMESTAMP_ASC
            )
            for entry in entries:
                self._until = max(self._until or entry.timestamp, entry.timestamp)
                unknown = entry.task_run_id is not None and entry.task_run_id not in self._steps
                if entry.id in self._seen or (unknown and not last and datetime.now(UTC) - entry.timestamp < LATE):
                    continue
                self._seen.add(entry.id)
                titles = self._titles(entry.flow_run_id, entry.task_run_id)
                if self._is_wanted(titles):
                    yield Line(at=entry.timestamp, level=entry.level, step=titles[-1], text=entry.message)
            if len(entries) < _PAGE:
                return

    def _is_wanted(self, titles: Sequence[str]) -> bool:
        return not self.step or any(self.step.lower() in title.lower() for title in titles)

    def _titles(self, flow_run: UUID | None, task_run: UUID | None) -> tuple[str, ...]:
        around = self._groups.get(flow_run, ()) if flow_run else ()
        return (*around, self._steps[task_run]) if task_run in self._steps else around or (self.run.name,)

    def _find_steps(self) -> None:
        """The groups and steps that have begun, level by level."""
        self._groups[self.run.id] = ()
        level = [self.run.id]
        while level:
            tasks = {task.id: task for task in self._tasks(level)}
            inside = FlowRunFilter.model_validate({"parent_flow_run_id": {"any_": level}})
            groups = self.client.read_flow_runs(flow_run_filter=inside, sort=FlowRunSort.START_TIME_ASC)
            for group in groups:
                # Prefect keeps a task run that stands for the group in the run around it.
                stands_for = tasks.pop(group.parent_task_run_id, None) if group.parent_task_run_id else None
                around = self._groups[stands_for.flow_run_id] if stands_for and stands_for.flow_run_id else ()
                self._groups[group.id] = (*around, group.name)
            self._steps |= {task.id: task.name for task in tasks.values()}
            level = [group.id for group in groups]

    def _tasks(self, runs: Sequence[UUID]) -> Iterator[TaskRun]:
        wanted = TaskRunFilter.model_validate({"flow_run_id": {"any_": list(runs)}})
        for page in count():
            found = self.client.read_task_runs(task_run_filter=wanted, limit=_PAGE, offset=page * _PAGE)
            yield from found
            if len(found) < _PAGE:
                return
