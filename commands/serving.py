"""``viper up``, ``viper down`` and ``viper deploy``: servers and a worker on one machine, deployments on any server."""

import os
from typing import Annotated

import typer

from commands.terminal import FAILED, checking, prepare, say
from viper.errors import AddressError
from viper.servers import check_prefect


def up(
    s3: Annotated[bool, typer.Option("--s3", help="Start an S3 server, too, and keep the store in it.")] = False,
    worker: Annotated[bool, typer.Option(help="Register the deployments and start a worker for them.")] = True,
    auth: Annotated[bool, typer.Option("--auth", help="Prefect and MLflow ask for a password.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what runs and is healthy.")] = False,
    prefect_port: Annotated[int, typer.Option(help="Where Prefect listens.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Where MLflow listens.")] = 5000,
    s3_port: Annotated[int, typer.Option(help="Where S3 listens: five ports, and those 10,000 above.")] = 8333,
    worker_port: Annotated[int, typer.Option(help="Where the worker says whether it is healthy.")] = 8080,
) -> None:
    """Run Prefect, MLflow and a worker, on this machine only, until Ctrl-C. A second call says what runs."""
    prepare()
    from commands import up as machine
    from commands.services import Choices

    with checking():
        chosen = Choices(s3, worker, auth, prefect_port, mlflow_port, s3_port, worker_port)
        healthy = machine.check() if check else machine.up(chosen)
    if not healthy:
        raise typer.Exit(FAILED)


def down() -> None:
    """Stop what `viper up` runs, or left behind when it was killed."""
    prepare()
    from commands import up as machine

    with checking():
        machine.down()


def deploy() -> None:
    """Register work pool, deployments and automations on the Prefect server of PREFECT_API_URL."""
    prepare()
    with checking():
        check_prefect()
        if not os.environ.get("PREFECT_API_URL"):
            raise AddressError("PREFECT_API_URL names no server: `viper up` starts one, and registers all this itself.")
        from flows.deploying import register

        for line in register():
            say(line)
