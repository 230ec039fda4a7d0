"""Which settings of an evolution were changed between two of its rounds."""

from collections.abc import Mapping
from typing import Any

from storage.ledger.requests import settings_asked
from storage.objects import ObjectStore
from tasks.changes import Before
from viper.records import RoundResult
from viper.settings import Settings

UNSET = "–"


def before(store: ObjectStore, settings: Settings, last: RoundResult | None) -> Before | None:
    """What a round is compared with; None for the first round.

    Args:
        store: With what was asked of the evolution.
        settings: Of the round.
        last: The round before it.
    """
    if last is None:
        return None
    asked = settings_asked(store, last.evolution, last.settings_sha256)
    now = settings.model_dump(mode="json")
    return Before(settings=changed(asked or now, now), datasets=last.datasets)


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Settings that differ by their paths, such as ``training.stages.0.steps``, with both values as text."""
    one, two = _flat(before), _flat(now)
    names = dict.fromkeys([*one, *two])
    return tuple((name, one.get(name, UNSET), two.get(name, UNSET)) for name in names if one.get(name) != two.get(name))


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        parts = {str(number): part for number, part in enumerate(value)}.items()
    else:
        return {path: str(value)}
    return {
        name: text for key, part in parts for name, text in _flat(part, f"{path}.{key}" if path else str(key)).items()
    }
