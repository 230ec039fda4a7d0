"""Checkpoints that reach the store while the training goes on."""

import logging
import os
import shutil
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType

from pydantic import JsonValue

from storage.checkpoints import save_checkpoint
from storage.folder import sweep_stale
from storage.objects import ObjectStore
from viper.records import ArtifactRef

PENDING_AT_MOST = 2
LINKED_SUFFIXES = {".safetensors", ".pt", ".pth", ".bin"}

_log = logging.getLogger(__name__)


class BackgroundUploader:
    """Stores checkpoints one after another in a thread of its own. Use it as a context, or call ``close``."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(1, "checkpoint-upload")
        self._pending: deque[Future[ArtifactRef]] = deque()
        self._failure: BaseException | None = None

    def submit(self, key: str, folder: Path, identity: Mapping[str, JsonValue]) -> None:
        """Queue the checkpoint in ``folder``; the trainer may delete that folder as soon as this returns.

        Waits while two checkpoints are still on their way, so that a slow store cannot fill the disk.
        """
        while len(self._pending) >= PENDING_AT_MOST:
            self._settle()
        sweep_stale(folder.parent, ".upload-*")
        snapshot = folder.with_name(f".upload-{folder.name}-{uuid.uuid4().hex}")
        _snapshot(folder, snapshot)
        self._pending.append(self._pool.submit(self._upload, key, snapshot, dict(identity)))

    def close(self) -> None:
        """Wait until everything is stored.

        Raises:
            StoreError: The first failure of an upload, if there was any.
        """
        while self._pending:
            self._settle()
        self._pool.shutdown()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> "BackgroundUploader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception:
            # The error that ends the training is what people must see; this one may not take its place.
            if error is None:
                raise
            _log.warning("A checkpoint could not be stored either.", exc_info=True)

    def _upload(self, key: str, snapshot: Path, identity: Mapping[str, JsonValue]) -> ArtifactRef:
        try:
            return save_checkpoint(self._store, key, snapshot, identity)
        finally:
            shutil.rmtree(snapshot, ignore_errors=True)

    def _settle(self) -> None:
        oldest = self._pending.popleft()
        wait([oldest])
        failure = oldest.exception()
        if failure is not None and self._failure is None:
            _log.warning("A checkpoint could not be stored: %s", failure)
            self._failure = failure


def _snapshot(folder: Path, snapshot: Path) -> None:
    """Link the large files, which the trainer writes once, and copy the small ones, which it may write again."""

    def link_or_copy(source: str, target: str) -> None:
        if Path(source).suffix in LINKED_SUFFIXES:
            try:
                os.link(source, target)
                return
            except OSError as error:
                _log.debug("Copying %s, since it cannot be linked: %s", source, error)
        shutil.copyfile(source, target)

    shutil.copytree(folder, snapshot, copy_function=link_or_copy)
