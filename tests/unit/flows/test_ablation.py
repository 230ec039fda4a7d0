"""Variants of a profile, and the table of their differences."""

import pytest

from flows.ablate import VARIANTS, variant_settings
from flows.ceiling import ceiling
from flows.runner import InProcess
from models.comparison import Ablation, compare_with_references
from tasks.ablation import ablation_table
from tests.loop import cut_for, worker_for
from viper.errors import PoolError, ProfileError
from viper.profiles import load_profile, override, profile_names
from viper.settings import GateSettings

GATE = GateSettings(resamples=200)


@pytest.mark.parametrize("profile", profile_names())
def test_every_variant_changes_settings_that_exist(profile: str) -> None:
    for variant in VARIANTS.values():
        override(variant.stages(load_profile(profile)), list(variant.changes))


def test_no_two_variants_are_the_same() -> None:
    settings = load_profile("shapes")
    distinct = {
        (override(one.stages(settings), list(one.changes)).model_dump_json(), one.rounds, one.true_labels)
        for one in VARIANTS.values()
    }
    assert len(distinct) == len(VARIANTS)


def test_variants_are_lists_of_stages() -> None:
    settings = load_profile("shapes")

    def stages(name: str) -> list[tuple[str, tuple[str, ...], str, int]]:
        chosen = VARIANTS[name].stages(settings).training.stages
        return [(stage.name, stage.lessons, stage.objective, stage.steps) for stage in chosen]

    csr, vop = ("csr", ("csr",), "grpo", 8), ("vop", ("vop",), "grpo", 24)
    assert stages("two-stage") == [csr, vop]
    assert stages("csr-only") == [csr]
    assert stages("vop-only") == [vop]
    assert stages("mixed") == [("mixed", ("csr", "vop"), "grpo", 32)]
    assert stages("sft") == [("csr-sft", ("csr",), "sft", 24), ("vop-sft", ("vop",), "sft", 24)]
    assert stages("cold-start") == [("csr-vop-sft", ("csr", "vop"), "sft", 24), csr, vop]
    mixed = VARIANTS["mixed"].stages(settings).training.stages[0]
    assert mixed.max_completion_tokens == 72  # type: ignore[union-attr]


def test_an_unknown_variant_names_the_nearest_and_a_missing_comparison_is_named() -> None:
    settings = load_profile("shapes")
    with pytest.raises(ProfileError, match="Did you mean 'mixed'"):
        variant_settings(settings, ["two-stage", "mixd"], [17])
    with pytest.raises(ProfileError, match="compared with 'two-stage'"):
        variant_settings(settings, ["sft"], [17])


def test_the_settings_of_all_variants_and_seeds_are_made_before_any_work() -> None:
    settings = load_profile("shapes")
    found = variant_settings(settings, list(VARIANTS), [17, 18])
    assert list(found)[:2] == [(17, "two-stage"), (17, "csr-only")]
    assert len(found) == 2 * len(VARIANTS)
    assert {(one.seed, one.evolution) for (seed, _), one in found.items() if seed == 18} == {
        (18, f"shapes-{name}-18") for name in VARIANTS
    }


@pytest.mark.parametrize(
    ("names", "seeds", "changed", "said"),
    [
        (["two-stage", "two-stage"], [17], "seed=17", "The variant two-stage is named twice"),
        (["two-stage"], [17, 18, 17], "seed=17", "The seed 17 is named twice"),
        (
            ["two-stage"],
            [17],
            f"evolution={'a' * 60}",
            "'two-stage' with seed 17, whose evolution would be called 'aaa",
        ),
    ],
)
def test_variants_that_cannot_be_are_refused_before_any_work(
    names: list[str], seeds: list[int], changed: str, said: str
) -> None:
    with pytest.raises(ProfileError, match=said):
        variant_settings(override(load_profile("shapes"), [changed]), names, seeds)


def test_true_labels_are_refused_where_nobody_knows_them() -> None:
    cut = cut_for("pool.uri=./photographs")
    with pytest.raises(PoolError, match=r"pool\.uri is './photographs'"):
        ceiling(InProcess(worker_for(cut)), cut, 1)
    with pytest.raises(PoolError, match=r"pool\.uri is './photographs'"):
        variant_settings(cut.settings, ["two-stage", "true-labels"], [17])


def test_differences_are_paired_by_question_and_averaged_over_seeds() -> None:
    base = {"a": [0.0] * 100, "b": [1.0] * 100}
    better = {"a": [1.0] * 50 + [0.0] * 50, "b": [1.0] * 100}
    best = {"a": [1.0] * 100, "b": [1.0] * 100}
    scores = {"base": [base, base], "two-stage": [better, best], "sft": [base, better]}
    two_stage, sft = compare_with_references(scores, {"two-stage": "two-stage", "sft": "two-stage"}, GATE, 0)

    assert two_stage.by_seed == (25.0, 50.0)
    assert two_stage.against_base.points == 37.5
    assert two_stage.suites["a"].points == 75.0
    assert (two_stage.suites["b"].points, two_stage.suites["b"].low, two_stage.suites["b"].high) == (0, 0, 0)
    assert sft.against_base.points == 12.5
    # On every question of suite a the variant lies 50 points behind on average over the seeds: no uncertainty is left.
    assert (sft.difference.points, sft.difference.low, sft.difference.high) == (-25.0, -25.0, -25.0)

    table = ablation_table(Ablation(seeds=(17, 18), rows=(two_stage, sft)))
    assert "| sft | +12.5 [" in table
    assert "| two-stage | -25.0 [-25.0, -25.0] |" in table
