"""A store in an S3 bucket. The server must honor ``If-None-Match: *``; ``ObjectStore.probe`` checks that it does."""

import os
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from typing_extensions import override

from storage.backend import PART_BYTES, Backend
from storage.store_errors import response_code

S3_ATTEMPTS = 12


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
    def free_bytes(self) -> int | None:
        return None


def s3_filesystem(attempts: int = S3_ATTEMPTS) -> Any:
    """The S3 filesystem of the ``AWS_*`` environment, which asks up to ``attempts`` times before it gives up."""
    from s3fs import S3FileSystem

    return S3FileSystem(
        use_listings_cache=False,
        max_concurrency=4,
        default_block_size=PART_BYTES,
        config_kwargs={"retries": {"max_attempts": attempts, "mode": "standard"}},
    )
