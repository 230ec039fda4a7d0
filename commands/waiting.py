"""What the runs of the Prefect server wait for, as a part of ``viper status``."""

import os
from typing import TYPE_CHECKING

from commands.tables import age
from commands.terminal import said, say
from viper.errors import AddressError
from viper.servers import check_prefect

if TYPE_CHECKING:
    from flows.waiting import Waiting


def waiting() -> "list[Waiting] | None":
    """The runs that are due and do not run; None where no server is named, or it does not answer, which is said."""
    if not os.environ.get("PREFECT_API_URL"):
        return None
    try:
        check_prefect()
    except AddressError as error:
        say(f"Queue      cannot be read: {said(error)}", fg="yellow", err=True)
        return None
    from flows.waiting import waiting_runs

    return waiting_runs()


def show_waiting() -> None:
    """A line for each of them."""
    for one in waiting() or []:
        of = f" of {one.deployment}" if one.deployment else ""
        say(f"Queue      {one.run!r}{of}, due {age(one.due_s)} ago ({one.state}): {one.why}", fg="yellow")
