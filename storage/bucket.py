"""A store in an S3 bucket. The server must honor ``If-None-Match: *``; ``ObjectStore.probe`` checks that it does."""

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from typing_extensions import override

from storage.backend import PART_BYTES, Backend, Stat
from storage.store_errors import response_code

S3_ATTEMPTS = 12
PIECES_AHEAD = 3
"""With ``PART_BYTES`` and the number of transfers at once, this bounds the memory that a download takes."""


class Bucket(Backend):
    """A store under ``s3://bucket/prefix``. Endpoint and credentials come from the standard ``AWS_*`` variables."""

    # More than one part would ask for the size first: a second request for each of many small blobs.
    read_options: ClassVar[Mapping[str, int]] = MappingProxyType({"max_concurrency": 1})

    def __init__(self, root: str, attempts: int = S3_ATTEMPTS) -> None:
        self.attempts = attempts
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "the AWS endpoint"
        super().__init__(root.removeprefix("s3://").strip("/"), f"{root} at {endpoint}")

    @property
    @override
    def fs(self) -> Any:
        return s3_filesystem(self.attempts)

    @override
    def create(self, key: str, data: bytes) -> bool:
        with self.translated("write", key):
            for pause_s in (0.1, 0.3, 1.0, 3.0, None):
                try:
                    self.fs.pipe_file(self.path(key), data, mode="create")
                    return True
                except FileExistsError:
                    return False
                except OSError as error:
                    code = response_code(error)
                    if code in {"PreconditionFailed", "412"}:
                        return False
                    # AWS answers so while another create of the same key is in flight, and asks to try again.
                    if code != "ConditionalRequestConflict" or pause_s is None:
                        raise
                    time.sleep(pause_s)
        raise AssertionError("the last pass of the loop returns or raises")

    @override
    def replace(self, key: str, data: bytes) -> None:
        with self.translated("write", key):
            self.fs.pipe_file(self.path(key), data)

    @override
    def upload(self, key: str, path: Path) -> None:
        with self.translated("write", key):
            self.fs.put_file(str(path), self.path(key), chunksize=PART_BYTES)

    @override
    def pieces(self, key: str, size_bytes: int) -> Iterator[bytes]:
        """A few pieces are on their way while the caller works on the one before."""
        if size_bytes <= PART_BYTES:
            yield self.fs.cat_file(self.path(key), **self.read_options)
            return

        def fetch(start: int) -> bytes:
            end = min(start + PART_BYTES, size_bytes)
            try:
                piece: bytes = self.fs.cat_file(self.path(key), start=start, end=end)
            except OSError as error:
                if response_code(error) in {"InvalidRange", "416"}:
                    return b""  # the object is shorter than it ought to be, which its hash will tell
                raise
            return piece

        starts = iter(range(0, size_bytes, PART_BYTES))
        with ThreadPoolExecutor(PIECES_AHEAD, "s3-piece") as pool:
            waiting = deque(pool.submit(fetch, start) for start in islice(starts, PIECES_AHEAD))
            while waiting:
                piece = waiting.popleft().result()
                waiting.extend(pool.submit(fetch, start) for start in islice(starts, 1))
                yield piece

    @override
    def free_bytes(self) -> int | None:
        return None

    @override
    def leftovers(self) -> dict[str, Stat]:
        """Multipart uploads that were neither completed nor aborted. Their parts cost space and are in no listing."""
        bucket, _, prefix = self.root.partition("/")
        found: dict[str, Stat] = {}
        page: dict[str, Any] = {"IsTruncated": True}
        with self.translated("list unfinished uploads of", prefix):
            while page.get("IsTruncated"):
                after = {name: page[f"Next{name}"] for name in ("KeyMarker", "UploadIdMarker") if found}
                page = self.fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix}/", **after)
                for upload in page.get("Uploads", []):
                    age_s = time.time() - upload["Initiated"].timestamp()
                    found[f"{upload['Key']} {upload['UploadId']}"] = Stat(size_bytes=0, age_s=age_s)
        return found

    @override
    def remove_leftover(self, name: str) -> None:
        key, _, upload = name.rpartition(" ")
        bucket = self.root.partition("/")[0]
        with self.translated("abort the upload of", key):
            try:
                self.fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload)
            except FileNotFoundError:
                return


def s3_filesystem(attempts: int = S3_ATTEMPTS) -> Any:
    """The S3 filesystem of the ``AWS_*`` environment, which asks up to ``attempts`` times before it gives up."""
    from s3fs import S3FileSystem

    return S3FileSystem(
        use_listings_cache=False,
        max_concurrency=4,
        default_block_size=PART_BYTES,
        config_kwargs={"retries": {"max_attempts": attempts, "mode": "standard"}},
    )
