"""A Prefect server that this process uses, and runs of deployments that begin here as a worker would begin them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events.worker import EventsWorker
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.servers import prefect_server

NIGHTLY = {"schedule": {"cron": "0 2 * * *"}, "active": True}


@contextmanager
def prefect_client(folder: Path) -> Iterator[SyncPrefectClient]:
    """A client of a server with its files in ``folder``, which flows of this process use while the context lasts."""
    server = prefect_server(folder)
    try:
        server.start()
        with (
            temporary_settings({PREFECT_API_URL: server.page.removesuffix("/health")}),
            get_client(sync_client=True) as client,
        ):
            yield client
            for sender in (APILogWorker, EventsWorker):  # what is left to send would be tried for a minute
                sender.drain_all(timeout=10)
    finally:
        server.kill()


class Deployed:
    """A deployment with a schedule, whose runs are begun here."""

    def __init__(
        self, client: SyncPrefectClient, run: Any, name: str, parameters: dict[str, Any] | None = None
    ) -> None:
        self.client, self.flow = client, run
        self.id = client.create_deployment(
            flow_id=client.create_flow(run), name=name, parameters=parameters or {}, schedules=[NIGHTLY]
        )

    def begin(self, **parameters: Any) -> UUID:
        return self.client.create_flow_run_from_deployment(self.id, parameters=parameters).id

    def go_on(self, run: UUID) -> FlowRun:
        """Run it until it ends or waits."""
        with suppress(Pause):
            run_flow(self.flow, flow_run=self.client.read_flow_run(run), return_type="state")
        return self.client.read_flow_run(run)

    def switch_on(self) -> None:
        self.client.resume_deployment(self.id)

    @property
    def paused(self) -> bool:
        return self.client.read_deployment(self.id).paused


def message(run: FlowRun) -> str:
    assert run.state is not None
    assert run.state.message is not None
    return run.state.message


def page_of(client: SyncPrefectClient, run: FlowRun) -> str:
    return f"{str(client.api_url).removesuffix('/api/').removesuffix('/api')}/runs/flow-run/{run.id}"
