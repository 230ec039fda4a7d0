"""Bytes by their own hash, in a folder or in S3: the lower half of the object store."""

import os
import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from typing import Literal

from storage.backend import Backend, Stat
from storage.bucket import S3_ATTEMPTS, Bucket
from storage.folder import STALE_TEMP_S, Folder
from storage.manifest import PIECE_BYTES, Blob, join_hashes, sha256_of
from viper.errors import CorruptArtifact, StoreError

RENEW_AFTER_S = 12 * 3600.0
"""Age at which a writer renews a blob that it finds in the store, in seconds."""
SMALL_BYTES = 2**20
"""Up to this size bytes are just sent; for more of them the store is asked first whether it has them."""
PIECES_AT_ONCE = 4
"""Of one file."""
PIECES_IN_FLIGHT = 8
"""Of all files that a store sends at once: with ``PIECE_BYTES``, this bounds the memory that it takes."""
REPAIR = "A resume computes the artifact again."


class BlobStore:
    """Blobs under one root, each at ``objects/sha256/ab/<sha>``."""

    def __init__(self, root: str) -> None:
        """Open the store at ``root`` without touching it.

        Args:
            root: A folder, or ``s3://bucket/prefix`` with endpoint and credentials in the ``AWS_*`` environment.

        Raises:
            StoreError: If ``root`` is neither.
        """
        self.root = root
        self._backend = open_backend(root)
        self._in_flight = BoundedSemaphore(PIECES_IN_FLIGHT)

    def __reduce__(self) -> tuple[type["BlobStore"], tuple[str]]:
        return type(self), (self.root,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r})"

    def probe(self, min_free_bytes: int = 0) -> None:
        """Prove that the store can be written, read, listed and trusted, before any work relies on it.

        Args:
            min_free_bytes: Space that must be left, in bytes. Only a folder can answer.

        Raises:
            StoreError: If it cannot, if space is short, or if it overwrites what was to be create-only.
        """
        backend = open_backend(self.root, attempts=3)
        free_bytes = backend.free_bytes()
        if free_bytes is not None and free_bytes < min_free_bytes:
            raise StoreError(
                f"{free_bytes / 2**30:.1f} GiB are free in {backend.where}, expected at least "
                f"{min_free_bytes / 2**30:.1f} GiB. Free space, or choose another store."
            )
        backend.sweep(STALE_TEMP_S)
        key, first, second = f"probes/{uuid.uuid4().hex}", b"first", b"second"
        created = backend.create(key, first)
        try:
            overwritten = backend.create(key, second)
            found, listed = backend.read(key), backend.keys("probes")
        finally:
            backend.remove(key)
        if not created or found not in {first, second} or key not in listed:
            raise StoreError(f"{backend.where} does not give back what was written to it. Use another store.")
        if overwritten or found == second:
            raise StoreError(
                f"{backend.where} ignores create-only writes (If-None-Match), so two runs could overwrite each other. "
                "Use a server that honors them, such as AWS S3, MinIO or SeaweedFS."
            )

    def put_bytes(self, data: bytes) -> Blob:
        """Store ``data`` as one blob under its hash; nothing is written if it is there already, and not old.

        Raises:
            StoreError: If the store refuses.
        """
        blob = Blob(sha256=sha256_of(data), size_bytes=len(data))
        key = _blob_key(blob.sha256)
        if len(data) > SMALL_BYTES and self._stands(key, len(data)):
            return blob
        if not self._backend.create(key, data) and not self._stands(key, len(data)):
            self._backend.replace(key, data)
        return blob

    def put(self, content: bytes | Path) -> Blob:
        """Store bytes, or those of a local file; what of them is there already, and not old, is not written again.

        More than ``PIECE_BYTES`` become pieces, several of which are read, hashed and sent at once. So a writer that is
        killed and comes again sends only what was missing, and no write is large enough to be left half done.

        Raises:
            StoreError: If the file changes meanwhile, or the store refuses.
        """
        before = None if isinstance(content, bytes) else _version_of(content)
        size_bytes = len(content) if isinstance(content, bytes) else content.stat().st_size

        def put(start: int) -> str:
            with self._in_flight:
                return self.put_bytes(_cut(content, start)).sha256

        if size_bytes <= PIECE_BYTES:
            pieces: tuple[str, ...] = (put(0),)
        else:
            with ThreadPoolExecutor(PIECES_AT_ONCE, "store-piece") as pool:
                pieces = tuple(pool.map(put, range(0, size_bytes, PIECE_BYTES)))
        if not isinstance(content, bytes) and _version_of(content) != before:
            raise StoreError(
                f"{content} changed while it was being stored. Store a file only after its writer has closed it."
            )
        parts = pieces if len(pieces) > 1 else ()
        return Blob(sha256=join_hashes(pieces), size_bytes=size_bytes, pieces=parts)

    def get_bytes(self, sha256: str) -> bytes:
        """The bytes that hash to ``sha256``.

        Raises:
            CorruptArtifact: If they are missing or hash to something else.
        """
        key = _blob_key(sha256)
        data = self._backend.read(key)
        if data is None or sha256_of(data) != sha256:
            raise self._corrupt(key, None if data is None else sha256_of(data))
        return data

    def get_file(self, blob: Blob, path: Path) -> None:
        """Write the bytes of ``blob``, which is in no pack, to ``path``, whole or not at all.

        Raises:
            CorruptArtifact: If they are missing or hash to something else.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
        try:
            with temporary.open("xb") as file, ThreadPoolExecutor(PIECES_AT_ONCE, "store-piece") as pool:
                waiting = deque[Future[bytes]]()
                for piece in blob.stored:
                    waiting.append(pool.submit(self.get_bytes, piece))
                    if len(waiting) == PIECES_AT_ONCE:
                        file.write(waiting.popleft().result())
                for one in waiting:
                    file.write(one.result())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def check_blob(self, sha256: str) -> None:
        """Make sure that a blob is there, without reading it.

        Raises:
            CorruptArtifact: If it is missing.
        """
        key = _blob_key(sha256)
        if self._backend.stat(key) is None:
            raise self._corrupt(key, None)

    def blob_state(self, sha256: str) -> Literal["sound", "missing", "damaged"]:
        """Whether the bytes that hash to ``sha256`` are there and still do. Reads them."""
        data = self._backend.read(_blob_key(sha256))
        return "missing" if data is None else "sound" if sha256_of(data) == sha256 else "damaged"

    def blobs(self) -> dict[str, Stat]:
        """Size and age of all blobs by hash, referenced or not."""
        return {key.rpartition("/")[2]: stat for key, stat in self._backend.stats("objects/sha256").items()}

    def remove_blob(self, sha256: str) -> None:
        """Maintenance only: remove a blob that nothing refers to."""
        self._backend.remove(_blob_key(sha256))

    def reference_ages(self, prefix: str) -> list[float]:
        """Seconds since each reference in the folder of keys ``prefix`` was written."""
        return [stat.age_s for stat in self._backend.stats(f"refs/{prefix}").values()]

    def leftovers(self) -> dict[str, Stat]:
        """What writers have begun and not finished, by key."""
        return self._backend.leftovers()

    def remove_leftover(self, key: str) -> None:
        """Maintenance only: remove one of ``leftovers``."""
        self._backend.remove(key)

    def _stands(self, key: str, size_bytes: int) -> bool:
        """Whether a blob need not be written again. An old one is renewed, so that no clearing takes it for garbage."""
        stat = self._backend.stat(key)
        return stat is not None and stat.size_bytes == size_bytes and stat.age_s < RENEW_AFTER_S

    def drop_damaged(self, sha256: str) -> None:
        """Repair only: remove a damaged blob, so that putting the right bytes writes them again."""
        if self.blob_state(sha256) != "sound":
            self._backend.remove(_blob_key(sha256))

    def _corrupt(self, key: str, found: str | None) -> CorruptArtifact:
        state = "is missing" if found is None else f"is damaged: its bytes hash to {found}"
        return CorruptArtifact(f"The blob {key!r} in {self._backend.where} {state}. {REPAIR}")


def open_backend(root: str, attempts: int = S3_ATTEMPTS) -> Backend:
    """The backend for ``root``: a folder, ``file://`` folder or ``s3://bucket/prefix``.

    Raises:
        StoreError: If ``root`` names no bucket, or has another scheme.
    """
    scheme, separator, rest = root.partition("://")
    if not separator:
        return Folder(root)
    if scheme == "file":
        return Folder(rest)
    if scheme == "s3" and rest.strip("/"):
        return Bucket(root, attempts)
    raise StoreError(f"{root!r} is not a place for a store. Expected a folder or s3://bucket/prefix.")


def _cut(content: bytes | Path, start: int) -> bytes:
    """The piece that begins at ``start``."""
    if isinstance(content, bytes):
        return content[start : start + PIECE_BYTES]
    with content.open("rb") as file:
        file.seek(start)
        # Reading sets aside as much memory as it is asked for, however short the file is.
        return file.read(max(0, min(PIECE_BYTES, content.stat().st_size - start)))


def _version_of(path: Path) -> tuple[int, int, int]:
    """Size, time of the last change and number of a file: another version of it has others."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _blob_key(sha256: str) -> str:
    return f"objects/sha256/{sha256[:2]}/{sha256}"
