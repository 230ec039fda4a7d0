"""Signs of life: a process that works is seen, one that died is not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import heartbeats
from storage.heartbeats import Heartbeat, living

ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import sys, time
from storage.heartbeats import Heartbeat, living
with Heartbeat(sys.argv[1], "main", lambda: "painting"):
    while not living(sys.argv[1], "main"):
        time.sleep(0.05)
    print("seen", flush=True)
    time.sleep(600)
"""


def wait_for(root: str, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(living(root, "main")) != count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_is_seen_with_what_it_does_until_it_ends(tmp_path: Path) -> None:
    root = str(tmp_path)
    with Heartbeat(root, "main", lambda: "painting"), Heartbeat(root, "other", lambda: ""):
        wait_for(root, 1)
        ((beat, age_s),) = living(root, "main")
        assert (beat.pid, beat.doing) == (os.getpid(), "painting")
        assert age_s < 30
    assert living(root, "main") == []
    assert not any(path.is_file() for path in (tmp_path / "heartbeats").rglob("*"))


def test_a_killed_worker_of_this_machine_is_dead_at_once(tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"seen\n"
    ((beat, _),) = living(str(tmp_path), "main")
    assert beat.pid == worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert living(str(tmp_path), "main") == [], "a process whose parent has not asked about its end was taken for alive"
    worker.wait()
    worker.stdout.close()
    assert living(str(tmp_path), "main") == []


def test_one_that_fell_silent_elsewhere_is_taken_for_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats.socket, "gethostname", lambda: "elsewhere")
    with Heartbeat(str(tmp_path), "main", lambda: "painting"):
        wait_for(str(tmp_path), 1)
        (sign,) = [path for path in (tmp_path / "heartbeats").rglob("*") if path.is_file()]
        monkeypatch.undo()
        assert len(living(str(tmp_path), "main")) == 1
        silent_since = time.time() - heartbeats.SILENT_AFTER_S - 1
        os.utime(sign, (silent_since, silent_since))
        assert living(str(tmp_path), "main") == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"host": 4}', b"null"])
def test_a_damaged_sign_is_left_out(tmp_path: Path, content: bytes) -> None:
    with Heartbeat(str(tmp_path), "main", lambda: "painting"):
        wait_for(str(tmp_path), 1)
        (whole,) = (path for path in (tmp_path / "heartbeats").rglob("*") if path.is_file())
        whole.with_name("0" * 32).write_bytes(content)
        assert [beat.doing for beat, _ in living(str(tmp_path), "main")] == ["painting"]
