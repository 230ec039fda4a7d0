"""Packs: many small entries of one artifact in one blob, since a request costs more than the bytes of a small file."""

from collections.abc import Mapping
from pathlib import Path

from storage.manifest import Blob, sha256_of, sha256_of_file

PACKED_BYTES = 64 * 2**10
"""Entries up to this size are packed."""
PACK_BYTES = 4 * 2**20
"""A pack is closed when it has reached this size: what reading one of its entries may cost."""
FEWEST = 8
"""Fewer small entries than this stay blobs of their own."""


def group_small(entries: Mapping[str, bytes | Path]) -> list[list[str]]:
    """Names of the entries to pack, pack by pack. Depends on names and sizes alone."""
    sizes = {name: _size(content) for name, content in sorted(entries.items())}
    small = [name for name, size in sizes.items() if size <= PACKED_BYTES]
    if len(small) < FEWEST:
        return []
    groups: list[list[str]] = [[]]
    filled = 0
    for name in small:
        if filled >= PACK_BYTES:
            groups.append([])
            filled = 0
        groups[-1].append(name)
        filled += sizes[name]
    return groups


def join(names: list[str], entries: Mapping[str, bytes | Path]) -> tuple[bytes, dict[str, Blob]]:
    """The bytes of a pack, and where in it each entry lies."""
    contents = {name: _read(entries[name]) for name in names}
    data = b"".join(contents.values())
    pack, offset = sha256_of(data), 0
    blobs: dict[str, Blob] = {}
    for name, content in contents.items():
        blobs[name] = Blob(sha256=sha256_of(content), size_bytes=len(content), pack=pack, offset=offset)
        offset += len(content)
    return data, blobs


def by_blob(entries: Mapping[str, Blob]) -> dict[str, list[str]]:
    """Names of the entries by the hash of each blob that holds them, or a piece of them."""
    found: dict[str, list[str]] = {}
    for name, blob in entries.items():
        for stored in blob.stored:
            found.setdefault(stored, []).append(name)
    return found


def by_pack(entries: Mapping[str, Blob]) -> list[list[str]]:
    """Names of the entries, those of a pack together."""
    packs: dict[str, list[str]] = {}
    for name, blob in entries.items():
        if blob.pack:
            packs.setdefault(blob.pack, []).append(name)
    return [*packs.values(), *([name] for name, blob in entries.items() if not blob.pack)]


def differs(path: Path, blob: Blob) -> bool:
    """Whether the file at ``path`` is missing or holds other bytes than ``blob``."""
    return not (path.is_file() and path.stat().st_size == blob.size_bytes and sha256_of_file(path) == blob.sha256)


def _size(content: bytes | Path) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _read(content: bytes | Path) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content
