"""JSON entries of the ledger's artifacts: how they are written, and how one that is lost is named."""

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from storage.objects import ObjectStore
from viper.errors import CorruptArtifact, StoreError
from viper.records import Record

Kept = TypeVar("Kept", bound=Record)


def to_json(value: Record | Mapping[str, object]) -> bytes:
    """Bytes of a JSON entry: equal values give equal bytes.

    Args:
        value: A record, or a mapping of plain JSON values.
    """
    plain = value.model_dump(mode="json") if isinstance(value, Record) else dict(value)
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, indent=1).encode()


def parse(kind: type[Kept], data: bytes | str, key: str) -> Kept:
    """The record in the JSON text ``data``, which lies at ``key``.

    Raises:
        StoreError: The text has other fields than this version of the project knows.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
        raise StoreError(
            f"{key!r} holds no {kind.__name__} as this version of the project knows it (see its {fields}): another "
            "version wrote it. Go on with that version, or under another name (--set evolution=NAME)."
        ) from error


def read_history(store: ObjectStore, key: str, entry: str) -> bytes | None:
    """An entry of the artifact at ``key``, or None if nothing lies there.

    Raises:
        CorruptArtifact: It is damaged. The message says how it is brought back.
    """
    try:
        ref = store.find(key)
        return None if ref is None else store.read(ref, entry)
    except CorruptArtifact as error:
        raise CorruptArtifact(f"{key!r} is damaged. {how_to_restore(store, key)}", key) from error


def how_to_restore(store: ObjectStore, key: str) -> str:
    """What a person does about history that is lost, in two sentences."""
    return (
        f"It is history that nothing can compute again: bring it, and the blobs that it names, back from a copy of "
        f"{store.root}, then resume. `viper store verify {key}` names what is damaged."
    )
