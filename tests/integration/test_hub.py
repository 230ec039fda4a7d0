"""``hub:`` as the benchmarks' folder, read through the client of the hub from a server that speaks its interface."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
from viper.environment import prepare_environment
prepare_environment()
from flows.start import begin
from flows.synthesis_inputs import suite
from storage.suite_shards import read_questions
from tasks.step import perform
from tasks.suites import check_suites, fix_suite
from viper.profiles import load_profile, override
settings = override(load_profile("shapes"), ["benchmarks.folder='hub:'", f"benchmarks.suites=['{sys.argv[1]}']"])
check_suites(settings.benchmarks)
runner, cut = begin(settings)
file, _ = perform(fix_suite, suite(cut, sys.argv[1]), runner.worker)
print("FOUND", json.dumps([[row["index"], row["answer"]] for row in read_questions(runner.store, file, 0)]))
"""


class Hub(BaseHTTPRequestHandler):
    """One dataset: its facts, the tree of its files, and the files in ranges."""

    files: dict[str, bytes]
    ranges: list[str]

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._json([one for one in self._tree() if one["path"] in unquote(asked)])

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if "/resolve/" in path:
            self._file(self.files[path.partition("/resolve/")[2].partition("/")[2]])
        elif "/tree/" in path:
            self._json(self._tree())
        else:
            self._json({"id": "owner/name", "sha": "0" * 40})

    def _tree(self) -> list[dict[str, Any]]:
        return [
            {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for path, data in self.files.items()
        ]

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _file(self, data: bytes) -> None:
        headers = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": "0" * 40}
        if (asked := self.headers.get("Range")) is None:
            self._send(200, data, headers)
            return
        self.ranges.append(asked)
        first, last = (int(part) for part in asked.removeprefix("bytes=").split("-"))
        self._send(206, data[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[tuple[type[Hub], str]]:
    class Own(Hub):
        files: dict[str, bytes] = {}  # noqa: RUF012
        ranges: list[str] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Own, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def read(home: Path, endpoint: str, suite: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "VIPER_HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HOME": str(home / "hf")}
    environment |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, suite]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_a_suite_is_read_from_the_hub(hub: tuple[type[Hub], str], tmp_path: Path) -> None:
    handler, endpoint = hub
    picture = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(picture, "PNG")
    image = {"bytes": picture.getvalue(), "path": None}
    rows = [
        {"index": number, "question": "Which?\nOptions: A: x, B: y", "answer": "B", "category": "c", "image": image}
        for number in range(3)
    ]
    handler.files |= {"README.md": b"# MMStar", "mmstar.parquet": parquet(rows), "other/test.txt": b"no"}
    found = read(tmp_path, endpoint, "mmstar")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.split("FOUND ")[1]) == [[str(number), "B"] for number in range(3)]
    assert handler.ranges, "the file was not read in ranges"


def test_a_hub_that_lacks_the_files_is_named(hub: tuple[type[Hub], str], tmp_path: Path) -> None:
    hub[0].files |= {"README.md": b"# BLINK"}
    found = read(tmp_path, hub[1], "blink")
    assert "hf://datasets/BLINK-Benchmark/BLINK has no files of BLINK" in found.stderr
