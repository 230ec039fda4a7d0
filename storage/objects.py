"""The object store: artifacts by key, in a folder or in S3, never half visible and always verified.

An artifact is blobs under ``objects/sha256/ab/<sha>`` (small entries share one, a large entry takes several), a
manifest that names them by hash (a blob too), and a small ``refs/<key>.json`` that is written last and only if nothing
is there. So a reader finds an artifact whole or not at all, of two writers of one key exactly one wins, and what a
killed writer leaves behind is unreferenced.
"""

import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue

from storage.blobs import REPAIR, BlobStore
from storage.folder import sweep_stale, write_whole
from storage.manifest import Blob, Manifest, check_entry_names, check_key, check_meta, parse_manifest
from storage.packs import by_blob, by_pack, differs, group_small, join
from viper.errors import CorruptArtifact, StoreError
from viper.records import ArtifactRef

TRANSFERS_AT_ONCE = 8
REMEMBERED = 4
"""Manifests and packs in memory: readers go through a few artifacts side by side."""

Content = bytes | Path | Blob
"""Of an entry: its bytes, a local file that holds them, or an entry of another artifact in the same store."""
Kept = TypeVar("Kept", Manifest, bytes)


class ObjectStore(BlobStore):
    """Artifacts by key under one root. Safe to share between threads; pickles to its root."""

    def __init__(self, root: str) -> None:
        """Open the store at ``root`` without touching it.

        Args:
            root: A folder, or ``s3://bucket/prefix`` with endpoint and credentials in the ``AWS_*`` environment.

        Raises:
            StoreError: If ``root`` is neither.
        """
        super().__init__(root)
        self._manifests: dict[str, Manifest] = {}
        self._packs: dict[str, bytes] = {}

    def commit(
        self, key: str, kind: str, entries: Mapping[str, Content], meta: Mapping[str, JsonValue] | None = None
    ) -> ArtifactRef:
        """Store an artifact under ``key``, or find the one that was stored there first.

        Args:
            key: Where readers will find it; see ``storage.layout``.
            kind: What it is, such as ``captions``.
            entries: Relative POSIX path → content.
            meta: Small JSON facts kept in the manifest.

        Returns:
            The reference of the artifact that lies at ``key`` now. If another writer was first it is theirs, and the
            caller goes on with that one.

        Raises:
            StoreError: If a name leaves the artifact's folder, or the store refuses.
            StoreUnavailable: If the store does not answer.
        """
        check_entry_names(entries)
        facts = check_meta(meta)
        if (winner := self.find(key)) is not None:
            return winner
        blobs = self._put_all(entries)
        manifest = Manifest(kind=kind, entries=blobs, meta=facts)
        data = manifest.to_bytes()
        ref = ArtifactRef(
            kind=kind,
            uri=key,
            sha256=self.put_bytes(data).sha256,
            size_bytes=manifest.size_bytes,
            content_sha256=manifest.content_sha256,
        )
        if self._backend.create(_ref_key(key), ref.model_dump_json().encode()):
            return ref
        if (winner := self.find(key)) is None:
            raise StoreError(f"{key!r} was removed from {self._backend.where} while it was being written. Resume.")
        return winner

    def find(self, key: str) -> ArtifactRef | None:
        """The reference of the artifact at ``key``, or None if there is none yet.

        Raises:
            CorruptArtifact: If something lies there that is not a reference to ``key``.
        """
        data = self._backend.read(_ref_key(key))
        if data is None:
            return None
        try:
            ref = ArtifactRef.model_validate_json(data)
        except ValueError as error:
            raise CorruptArtifact(
                f"{key!r} cannot be trusted: its reference in {self._backend.where} is damaged. {REPAIR}",
                key,
            ) from error
        if ref.uri != key:
            raise CorruptArtifact(
                f"{key!r} cannot be trusted: in {self._backend.where} it refers to {ref.uri!r}. {REPAIR}",
                key,
            )
        return ref

    def list(self, prefix: str) -> Iterator[str]:
        """Keys of all artifacts in the folder ``prefix``, sorted; all keys if it is empty."""
        keys = self._backend.keys(f"refs/{check_key(prefix.rstrip('/'))}" if prefix else "refs")
        yield from sorted(key[len("refs/") : -len(".json")] for key in keys if key.endswith(".json"))

    def manifest(self, ref: ArtifactRef) -> Manifest:
        """What the artifact consists of.

        Raises:
            CorruptArtifact: If the manifest is missing, damaged, or not the one that ``ref`` describes.
        """
        manifest = self._manifests.get(ref.sha256)
        if manifest is None:
            with _naming(ref, "its manifest"):
                manifest = parse_manifest(self.get_bytes(ref.sha256))
            self._manifests = _remember(self._manifests, ref.sha256, manifest)
        found = (manifest.kind, manifest.size_bytes, manifest.content_sha256)
        # References of older versions name no content, or one that counted more.
        older = ref.content_sha256 in ("", manifest.older_content_sha256)
        said = (ref.kind, ref.size_bytes, found[2] if older else ref.content_sha256)
        if said != found:
            raise CorruptArtifact(
                f"{ref.uri!r} cannot be trusted: it is said to be {said[0]!r} of {said[1]} bytes with the content "
                f"{said[2]}, but its manifest says {found[0]!r} of {found[1]} bytes with {found[2]}. {REPAIR}",
                ref.uri,
            )
        return manifest

    def read(self, ref: ArtifactRef, name: str) -> bytes:
        """The content of one entry.

        Raises:
            StoreError: If the artifact has no such entry.
            CorruptArtifact: If the entry's bytes are missing or damaged.
        """
        blob = self.manifest(ref).entries.get(name)
        if blob is None:
            known = ", ".join(sorted(self.manifest(ref).entries)[:10])
            raise StoreError(f"{ref.uri!r} has no entry {name!r}. It has: {known or 'none'}.")
        with _naming(ref, name):
            return self._of_pack(blob) if blob.pack else b"".join(map(self.get_bytes, blob.stored))

    def check_present(self, ref: ArtifactRef, names: Collection[str]) -> None:
        """Make sure that the bytes of some entries are there, without reading them.

        Raises:
            CorruptArtifact: If some are missing.
        """
        entries = self.manifest(ref).entries

        def check(name: str) -> None:
            with _naming(ref, name):
                for stored in entries[name].stored:
                    self.check_blob(stored)

        with ThreadPoolExecutor(TRANSFERS_AT_ONCE, "store-check") as pool:
            list(pool.map(check, names))

    def download(self, ref: ArtifactRef, folder: Path) -> Path:
        """Make ``folder`` hold every entry of the artifact, verified, and return it.

        A new folder appears whole. In one that exists, entries that are missing or differ are written again; other
        files in it are left alone.

        Raises:
            CorruptArtifact: If an entry's bytes in the store are missing or damaged.
        """
        manifest = self.manifest(ref)
        if not folder.exists():
            sweep_stale(folder.parent, f".{folder.name}.*.tmp")
            temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
            try:
                temporary.mkdir(parents=True)
                self._fill(ref, manifest, temporary, new=True)
                os.rename(temporary, folder)
                return folder
            except FileExistsError:
                pass
            except OSError as error:
                if isinstance(error, StoreError) or not folder.exists():
                    raise
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        self._fill(ref, manifest, folder, new=False)
        return folder

    def damaged(self, ref: ArtifactRef) -> tuple[str, ...]:
        """Names of the entries whose bytes are missing or damaged, sorted. Reads the whole artifact.

        Raises:
            CorruptArtifact: If the manifest itself is missing or damaged.
        """
        self._manifests, self._packs = {}, {}
        entries = self.manifest(ref).entries
        held = by_blob(entries)
        with ThreadPoolExecutor(TRANSFERS_AT_ONCE, "store-verify") as pool:
            states = pool.map(self.blob_state, held)
            unsound = [names for names, state in zip(held.values(), states, strict=True) if state != "sound"]
        return tuple(sorted({name for names in unsound for name in names}))

    def delete(self, key: str) -> None:
        """Repair only: forget the artifact at ``key`` and drop its damaged blobs, so that it can be computed again.

        Nothing else in the project removes anything. Sound blobs stay, as other artifacts may share them. The
        reference goes last: a killed repair is repeated in full.
        """
        ref: ArtifactRef | None = None
        try:
            if (ref := self.find(key)) is not None:
                for name in self.damaged(ref):
                    for stored in self.manifest(ref).entries[name].stored:
                        self.drop_damaged(stored)
        except CorruptArtifact:
            self._manifests = {}
            if ref is not None:
                self.drop_damaged(ref.sha256)
        self._backend.remove(_ref_key(key))

    def _put_all(self, contents: Mapping[str, Content]) -> dict[str, Blob]:
        """Store all entries, the small ones in packs; those that other artifacts have are there already."""
        there = {name: content for name, content in contents.items() if isinstance(content, Blob)}
        entries = {name: content for name, content in contents.items() if not isinstance(content, Blob)}

        def put(names: list[str]) -> dict[str, Blob]:
            if len(names) == 1:
                return {names[0]: self.put(entries[names[0]])}
            data, blobs = join(names, entries)
            self.put_bytes(data)
            return blobs

        groups = group_small(entries)
        packed = {name for names in groups for name in names}
        groups += [[name] for name in entries if name not in packed]
        with ThreadPoolExecutor(TRANSFERS_AT_ONCE, "store-put") as pool:
            return there | {name: blob for blobs in pool.map(put, groups) for name, blob in blobs.items()}

    def _of_pack(self, blob: Blob) -> bytes:
        packed = self._packs.get(blob.pack)
        if packed is None:
            packed = self.get_bytes(blob.pack)
            self._packs = _remember(self._packs, blob.pack, packed)
        return blob.cut_from(packed)

    def _fill(self, ref: ArtifactRef, manifest: Manifest, folder: Path, *, new: bool) -> None:
        """Write what is missing in ``folder`` or differs; in a new one, which nobody sees yet, simply everything."""
        parents = {(folder / name).parent for name in manifest.entries}
        for parent in parents:
            parent.mkdir(parents=True, exist_ok=True)

        def fetch(names: list[str]) -> None:
            entries = {name: manifest.entries[name] for name in names}
            missing = {name: blob for name, blob in entries.items() if new or differs(folder / name, blob)}
            for name, blob in missing.items():
                with _naming(ref, name):
                    if not blob.pack:
                        self.get_file(blob, folder / name)
                        continue
                    packed = self.get_bytes(blob.pack)
                # A pack is read once for all that it holds.
                for inside, part in missing.items():
                    if new:
                        (folder / inside).write_bytes(part.cut_from(packed))
                    else:
                        write_whole(folder / inside, part.cut_from(packed))
                return

        with ThreadPoolExecutor(TRANSFERS_AT_ONCE, "store-get") as pool:
            list(pool.map(fetch, by_pack(manifest.entries)))


def _remember(known: dict[str, Kept], sha256: str, value: Kept) -> dict[str, Kept]:
    """A new mapping with the newest few: one that another thread reads is never changed."""
    return dict(list(known.items())[1 - REMEMBERED :]) | {sha256: value}


def _ref_key(key: str) -> str:
    return f"refs/{check_key(key)}.json"


@contextmanager
def _naming(ref: ArtifactRef, entry: str) -> Iterator[None]:
    try:
        yield
    except CorruptArtifact as error:
        raise CorruptArtifact(f"{ref.uri!r} cannot be trusted, because of {entry!r}. {error}", ref.uri) from error
