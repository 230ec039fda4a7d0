"""Whether a Prefect server has what the loop needs of it, and the command that mends what it has not."""

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import url_for

from flows.deploying import FILE, POOL, automations
from flows.waiting import online
from viper.errors import ServiceFailed

DEPLOY = "viper deploy"


class Ailing(ServiceFailed):
    """Something on the server is not as the loop needs it.

    Args:
        text: What was found.
        mend: The command that mends it.
    """

    def __init__(self, text: str, mend: str) -> None:
        super().__init__(text)
        self.mend = mend


def check_pool(client: SyncPrefectClient) -> str:
    """The work pool is there, is not paused, and gives out one place at least.

    Raises:
        Ailing: It is not so.
    """
    pool = _pool(client)
    if pool.is_paused:
        raise Ailing(f"the work pool {POOL!r} is paused: no run starts", f"prefect work-pool resume {POOL}")
    if pool.concurrency_limit == 0:
        raise Ailing(f"the work pool {POOL!r} has no place for a run", DEPLOY)
    limit = "any number of runs" if pool.concurrency_limit is None else f"{pool.concurrency_limit} run(s)"
    return f"{POOL!r}: {limit} at a time"


def check_workers(client: SyncPrefectClient) -> str:
    """A worker of the pool gives signs of life.

    Raises:
        Ailing: None does.
    """
    _pool(client)
    if not (found := online(client)):
        raise Ailing(
            f"no worker of the pool {POOL!r} gives a sign of life: runs wait", f"prefect worker start --pool {POOL}"
        )
    return ", ".join(found)


def check_deployments(client: SyncPrefectClient) -> str:
    """All deployments of ``deployments/prefect.yaml`` are there, and none is paused that has a schedule switched on.

    Raises:
        Ailing: It is not so.
    """
    wanted = [one["name"] for one in yaml.safe_load(FILE.read_text())["deployments"]]
    found = {one.name: one for one in client.read_deployments() if one.name in wanted}
    if missing := [name for name in wanted if name not in found]:
        raise Ailing(f"not registered: {', '.join(missing)}", DEPLOY)
    scheduled = [one for one in found.values() if any(schedule.active for schedule in one.schedules)]
    if paused := [one for one in scheduled if one.paused]:
        pages = ", ".join(url_for("deployment", obj_id=one.id) or one.name for one in paused)
        raise Ailing(
            f"paused, so that nothing starts by itself: {', '.join(one.name for one in paused)}. The state of its last "
            "run says why",
            f"switch it on at {pages}",
        )
    return f"{len(found)}; scheduled: {', '.join(one.name for one in scheduled) or 'none'}"


def check_automations(client: SyncPrefectClient) -> str:
    """The automations that find lost machines are there, as this version makes them, and switched on.

    Raises:
        Ailing: One is not.
    """
    for wanted in automations():
        found = client.read_automations_by_name(wanted.name)
        if not found or found[0].trigger.model_dump() != wanted.trigger.model_dump():
            raise Ailing(f"{wanted.name!r} is {'of another version' if found else 'missing'}", DEPLOY)
        if not found[0].enabled:
            raise Ailing(
                f"{wanted.name!r} is switched off: a lost machine blocks the schedule",
                f"prefect automation resume '{wanted.name}'",
            )
    return ", ".join(repr(one.name) for one in automations())


def _pool(client: SyncPrefectClient) -> WorkPool:
    try:
        return client.read_work_pool(POOL)
    except ObjectNotFound:
        raise Ailing(f"there is no work pool {POOL!r}", DEPLOY) from None
