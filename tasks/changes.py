"""How a round differs from the one before it: settings, dataset versions, scores."""

from collections.abc import Mapping, Sequence

from storage.datasets import lineage
from storage.objects import ObjectStore
from tasks.versioning import dataset_size
from viper.records import ArtifactRef, Record, Verdict

Row = tuple[str, str, str]
"""What, before, and now."""


class Before(Record):
    """The round before, as far as the next one is compared with it."""

    settings: tuple[Row, ...]
    """Settings that differ."""
    datasets: dict[str, ArtifactRef]
    """Dataset versions by lesson."""


def dataset_rows(store: ObjectStore, before: Mapping[str, ArtifactRef], now: Mapping[str, ArtifactRef]) -> list[Row]:
    """Sizes of the dataset versions and what the filter left; a dash where a round has none of a lesson."""
    rows: list[Row] = []
    for lesson in dict.fromkeys([*before, *now]):
        told = [_figures(store, found[lesson]) if lesson in found else {} for found in (before, now)]
        names = dict.fromkeys([*told[0], *told[1]])
        rows += [(f"{lesson}: {name}", told[0].get(name, "–"), told[1].get(name, "–")) for name in names]
    return rows


def _figures(store: ObjectStore, ref: ArtifactRef) -> dict[str, str]:
    facts, counts = lineage(store, ref), store.manifest(ref).meta["counts"]
    rows = dataset_size(store, ref)
    sentences = int(str(counts["sentences"])) if isinstance(counts, dict) else 0
    figures = {"samples": f"{rows:,}", "sentences a sample": f"{sentences / max(1, rows):.2f}"}
    reasons = facts["reasons"]
    judged = sum(int(str(count)) for count in reasons.values()) if isinstance(reasons, dict) else 0
    if judged:
        kept = rows + int(str(facts["left_out_for_balance"]))
        figures["kept by the filter"] = f"{kept / judged:.1%}"
    return figures


def score_rows(verdicts: Sequence[Verdict]) -> list[Row]:
    """The candidates' scores of the last two rounds in points, suite by suite; empty unless both were judged."""
    if len(verdicts) < 2:
        return []
    before = {row.suite: row.candidate for row in verdicts[-2].rows}
    now = {row.suite: row.candidate for row in verdicts[-1].rows}
    return [(suite, f"{before[suite]:.1f}", f"{now[suite]:.1f}") for suite in before if suite in now]
