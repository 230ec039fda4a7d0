"""What an artifact consists of: named blobs, each known by its hash, listed in a manifest that is a blob itself."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from pydantic import Field, JsonValue

from viper.errors import StoreError
from viper.records import Record

PIECE_BYTES = 16 * 2**20
"""Larger content lies in the store in pieces of this size: blobs of their own, sent and verified each by itself."""

PROVENANCE, LINEAGE = "inputs", "lineage"
"""The facts of a manifest that say what the artifact was made from, and for whom. They are no part of the content."""
FOR_PEOPLE = ".md"
"""Entries with this ending explain the artifact to people. They are no part of the content, either."""

_KEY_PART = re.compile(r"[A-Za-z0-9_=+@-][A-Za-z0-9._=+@-]*")


class Blob(Record):
    """Bytes in the store, known by their own hash."""

    sha256: str
    """SHA-256 of the bytes, 64 hex digits; of bytes in pieces, SHA-256 over the pieces' hashes (``join_hashes``)."""
    size_bytes: int
    """Length of the bytes."""
    pieces: tuple[str, ...] = ()
    """SHA-256 of the blobs that hold the bytes one after the other, ``PIECE_BYTES`` each but the last; empty if the
    bytes are one blob."""
    pack: str = ""
    """SHA-256 of the blob that holds these bytes among others; empty if they are a blob of their own."""
    offset: int = 0
    """Where in the pack they begin."""

    @property
    def stored(self) -> tuple[str, ...]:
        """SHA-256 of the blobs that lie in the store."""
        return self.pieces or (self.pack or self.sha256,)

    def cut_from(self, packed: bytes) -> bytes:
        """These bytes, out of those of their pack."""
        return packed[self.offset : self.offset + self.size_bytes]


class Manifest(Record):
    """The whole content of one artifact."""

    kind: str
    """What the artifact is: ``images``, ``dataset``, ``checkpoint``, …"""
    entries: dict[str, Blob]
    """Relative POSIX path inside the artifact → its blob."""
    meta: dict[str, JsonValue] = Field(default_factory=dict)
    """Small facts kept with the artifact, such as lineage or counts."""

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of all entries."""
        return sum(blob.size_bytes for blob in self.entries.values())

    @cached_property
    def content_sha256(self) -> str:
        """SHA-256 over kind, entries and facts, 64 hex digits: equal for artifacts that hold the same.

        What the artifact was made from (``PROVENANCE``, ``LINEAGE``, texts ``FOR_PEOPLE``) and how its blobs lie in the
        store do not count.
        """
        entries = {name: blob.sha256 for name, blob in self.entries.items() if not name.endswith(FOR_PEOPLE)}
        facts = {name: value for name, value in self.meta.items() if name not in (PROVENANCE, LINEAGE)}
        return sha256_of(canonical_json({"kind": self.kind, "entries": entries, "meta": facts}))

    @cached_property
    def older_content_sha256(self) -> str:
        """``content_sha256`` by the rule of references that were written while lineage and texts counted."""
        entries = {name: blob.sha256 for name, blob in self.entries.items()}
        facts = {name: value for name, value in self.meta.items() if name != PROVENANCE}
        return sha256_of(canonical_json({"kind": self.kind, "entries": entries, "meta": facts}))

    def to_bytes(self) -> bytes:
        """The one JSON text of this manifest: equal manifests give equal bytes, hence equal hashes.

        Raises:
            StoreError: If ``meta`` holds something JSON cannot say, such as NaN.
        """
        entries = {name: blob.model_dump(exclude_defaults=True) for name, blob in self.entries.items()}
        return canonical_json({"kind": self.kind, "entries": entries, "meta": self.meta})


def canonical_json(value: object) -> bytes:
    """The one JSON text of ``value``: sorted keys, no spaces, UTF-8.

    Raises:
        StoreError: If ``value`` holds NaN, infinity or a type that JSON lacks.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"Cannot store as JSON: {error}. Expected finite numbers, strings, lists and mappings only."
        ) from error
    return text.encode()


def sha256_of(data: bytes) -> str:
    """SHA-256 of ``data``, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def join_hashes(pieces: Sequence[str]) -> str:
    """The hash of content whose pieces have these hashes: its own if it is one piece, else SHA-256 over them all."""
    return pieces[0] if len(pieces) == 1 else sha256_of("".join(pieces).encode())


def sha256_of_file(path: Path) -> str:
    """What ``Blob.sha256`` says of the bytes of the file at ``path``, read in pieces."""
    with path.open("rb") as file:
        # An empty file is one empty piece.
        return join_hashes(
            [sha256_of(file.read(PIECE_BYTES)), *map(sha256_of, iter(lambda: file.read(PIECE_BYTES), b""))]
        )


def check_key(key: str) -> str:
    """Return ``key`` if it is safe as a store key on every backend.

    Raises:
        StoreError: If a part is empty, starts with a dot, or holds anything but letters, digits and ``._=+@-``.
    """
    if not all(_KEY_PART.fullmatch(part) for part in key.split("/")):
        raise StoreError(
            f"{key!r} is not a store key. Expected parts of letters, digits and ._=+@- joined by '/', "
            "none of them empty or starting with a dot."
        )
    return key


def check_entry_names(names: Iterable[str]) -> None:
    """Accept names that stay inside the folder they are written to, and that can all lie there together.

    Raises:
        StoreError: If a name is absolute, has an empty, ``.`` or ``..`` part, a backslash or a NUL, or if one name is
            the folder of another.
    """
    known = set(names)
    for name in known:
        if not name or "\\" in name or "\0" in name or any(part in {"", ".", ".."} for part in name.split("/")):
            raise StoreError(
                f"{name!r} cannot name an entry of an artifact. Expected a relative POSIX path without '..', "
                "such as 'images/0001.png'."
            )
        folders = {str(folder) for folder in PurePosixPath(name).parents}
        if clash := folders & known:
            raise StoreError(f"The entry {min(clash)!r} is also the folder of {name!r}. Rename one of them.")


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest back and check the names in it.

    Raises:
        StoreError: If ``data`` is not a manifest, or names an entry outside its own folder.
    """
    try:
        manifest = Manifest.model_validate_json(data)
    except ValueError as error:
        raise StoreError(f"This is not a manifest: {error}. It was written by other software.") from error
    check_entry_names(manifest.entries)
    return manifest


def check_meta(meta: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
    """A copy of ``meta`` as it will read back from JSON."""
    copied: dict[str, JsonValue] = json.loads(canonical_json(dict(meta or {})))
    return copied
