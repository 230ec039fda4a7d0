"""Every key in the store."""

import pytest

from storage import layout
from viper.errors import StoreError


def test_keys_read_as_documented() -> None:
    assert layout.result_key("caption", "3fa9") == "results/caption/3fa9"
    assert layout.dataset_key("shapes-1", 1, "csr", "3f") == "evolutions/shapes-1/rounds/0001/datasets/csr/3f"
    assert layout.checkpoint_key("e", 2, "vop", "abc", 40) == "evolutions/e/rounds/0002/checkpoints/vop/abc/00000040"
    assert layout.verdict_key("e", 0) == "evolutions/e/rounds/0000/verdict"
    assert layout.report_key("e", 0) == "evolutions/e/rounds/0000/report"
    assert layout.champion_key("e", 12) == "evolutions/e/champions/0012"


def test_sorted_keys_are_in_the_order_of_their_numbers() -> None:
    keys = [layout.checkpoint_key("e", 1, "csr", "t", step) for step in (9, 10, 100)]
    assert sorted(keys) == keys
    assert [layout.checkpoint_step(key) for key in keys] == [9, 10, 100]
    champions = [layout.champion_key("e", number) for number in (2, 10)]
    assert sorted(champions) == champions
    assert layout.champion_round(champions[-1]) == 10


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "-a", "a.", "a b", "a_b"])
def test_a_name_that_cannot_be_part_of_a_key_is_refused(name: str) -> None:
    with pytest.raises(StoreError, match=r"Expected lowercase letters, digits, dashes and dots"):
        layout.dataset_key(name, 1, "csr", "3f")


@pytest.mark.parametrize("number", [-1, 10_000])
def test_a_round_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(StoreError, match="Expected 0 to 9999"):
        layout.verdict_key("e", number)


def test_another_key_is_not_taken_for_a_checkpoint() -> None:
    with pytest.raises(StoreError, match="not the key of a checkpoint"):
        layout.checkpoint_step(layout.verdict_key("e", 1))


def test_a_champion_that_is_put_back_sorts_after_its_round_and_before_the_next() -> None:
    made = [layout.champion_key("e", number) for number in (3, 4)]
    back = [layout.rollback_key("e", 3, number) for number in (1, 2, 10)]
    assert sorted([*back, *made]) == [made[0], *back, made[1]]
    assert {layout.champion_round(key) for key in back} == {3}
    assert [layout.is_rollback(key) for key in (*made, *back)] == [False, False, True, True, True]


def test_a_copy_and_its_champion_know_each_other() -> None:
    for key in (layout.champion_key("e", 3), layout.rollback_key("e", 3, 1)):
        copy = layout.champion_copy_key(key)
        assert copy.startswith(f"{layout.champion_copies_prefix('e')}/")
        assert layout.champion_of_copy(copy) == key
        assert (layout.is_champion(key), layout.is_champion(copy)) == (True, False)


def test_keys_are_told_apart() -> None:
    checkpoint, verdict = layout.checkpoint_key("e", 2, "vop", "abc", 40), layout.verdict_key("e", 7)
    dataset, request = layout.dataset_key("e", 1, "csr", "3f"), layout.request_key("e", 5)
    assert [layout.is_checkpoint(key) for key in (checkpoint, verdict, dataset)] == [True, False, False]
    assert [layout.verdict_round(key) for key in (verdict, checkpoint)] == [7, None]
    assert layout.request_number(request) == 5
    assert {layout.evolution_of(key) for key in (checkpoint, verdict, dataset, request, "evolutions/e")} == {"e"}
    assert dataset.startswith(f"{layout.datasets_prefix('e', 1)}/")
    assert layout.result_key("model", "k").startswith(f"{layout.results_prefix('model')}/")
    for key in (checkpoint, layout.result_key("model", "k")):
        assert layout.is_artifact_key(key)
    assert not layout.is_artifact_key("lab/results")
    with pytest.raises(StoreError, match="belongs to no evolution"):
        layout.evolution_of(layout.result_key("model", "k"))


def test_what_has_happened_is_history_and_what_was_computed_is_not() -> None:
    champion = layout.champion_key("a", 1)
    for key in (
        champion,
        layout.rollback_key("a", 1, 1),
        layout.champion_copy_key(champion),
        layout.request_key("a", 0),
        layout.verdict_key("a", 3),
        layout.report_key("a", 3),
        layout.dataset_key("a", 1, "csr", "k"),
    ):
        assert layout.is_history(key)
    for key in (layout.result_key("captions", "k"), layout.checkpoint_key("champions", 1, "csr", "k", 4)):
        assert not layout.is_history(key)
