"""A round is finished when its record stands; the first record counts."""

from pathlib import Path

import pytest

from storage.layout import report_key, verdict_key
from storage.ledger.rounds import count_finished, finished_round, finished_rounds, keep_result
from storage.objects import ObjectStore
from tests.unit.storage.ledger.world import KEEP, PROMOTE, files_of, finish, flip, ref_path
from viper.errors import CorruptArtifact, StoreError


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def test_rounds_are_counted_up_to_a_gap(store: ObjectStore) -> None:
    assert count_finished(store, "e") == 0
    for number in (1, 2, 3):
        finish(store, number, KEEP)
    assert [result.round_number for result in finished_rounds(store, "e")] == [1, 2, 3]
    ref_path(store, verdict_key("e", 2)).unlink()
    assert count_finished(store, "e") == 1
    assert finished_round(store, "e", 2) is None


def test_the_first_record_and_the_first_report_of_a_round_stand(store: ObjectStore) -> None:
    finish(store, 1, PROMOTE)
    first = finished_round(store, "e", 1)
    assert first is not None
    later = first.model_copy(update={"verdict": KEEP})
    assert keep_result(store, later, {"report.md": b"another page"}) == first
    report = store.find(report_key("e", 1))
    assert report is not None
    assert store.read(report, "report.md") == b"page"


@pytest.mark.parametrize("part", range(3), ids=["reference", "manifest", "entry"])
def test_a_damaged_record_is_told_as_a_loss_of_history(store: ObjectStore, part: int) -> None:
    finish(store, 1, KEEP)
    flip(files_of(store, verdict_key("e", 1))[part], 80)
    with pytest.raises(CorruptArtifact, match=r"verdict' is damaged.*bring it.*back from a copy") as caught:
        count_finished(ObjectStore(store.root), "e")
    assert caught.value.key == verdict_key("e", 1)


def test_a_record_of_another_version_is_no_damage(store: ObjectStore) -> None:
    store.commit(verdict_key("e", 1), "round", {"round.json": b"{}"})
    with pytest.raises(StoreError, match=r"holds no RoundResult .*another version wrote it") as caught:
        finished_round(store, "e", 1)
    assert not isinstance(caught.value, CorruptArtifact)
