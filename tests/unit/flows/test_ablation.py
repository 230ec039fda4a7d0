"""Variants of a profile, and the table of their differences."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import pytest

from flows.arms import CRITIQUES, VARIANTS, arm_settings, arms_of
from flows.ceiling import ceiling
from flows.cut import Cut
from flows.identities import Identities
from flows.runner import InProcess
from models.ablation import Ablation, Arm, compare_arms
from models.judged import Judged
from models.measured import Count, Measured
from models.observer import Mark, Marks
from models.seeds import interval_over_seeds
from tasks.ablation import ablation_table
from tasks.ablation_plot import plot_gains
from tests.loop import cut_for, worker_for
from tests.settings_table import keys
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

    csr, vop = ("csr", ("csr",), "grpo", 18), ("vop", ("vop",), "grpo", 16)
    assert stages("two-stage") == [csr, vop]
    assert stages("csr-only") == [csr]
    assert stages("vop-only") == [vop]
    assert stages("mixed") == [("mixed", ("csr", "vop"), "grpo", 34)]
    assert stages("sft") == [("csr-sft", ("csr",), "sft", 24), ("vop-sft", ("vop",), "sft", 24)]
    assert stages("cold-start") == [("csr-vop-sft", ("csr", "vop"), "sft", 24), csr, vop]
    mixed = VARIANTS["mixed"].stages(settings).training.stages[0]
    assert mixed.max_completion_tokens == 72  # type: ignore[union-attr]


DATA = (
    "captions",
    "paintings",
    "critiques",
    "planted",
    "whole",
    "noise",
    "judgements",
    "unions",
    "refinements",
    "plans",
)
DATA += ("edits", "operations")


def test_a_variant_makes_anew_what_it_changes_and_shares_the_rest() -> None:
    arms, nobody = arms_of(list(VARIANTS), list(CRITIQUES)), Identities({})
    varied = arm_settings(load_profile("shapes"), arms, [17])
    found = {name: keys(Cut(settings, nobody)) for (_, name), settings in varied.items()}

    def moved(name: str, other: str, steps: Sequence[str]) -> set[str]:
        return {step for step in steps if found[name].get(step) != found[other].get(step)}

    by_judge = {"whole", "judgements", "refinements"}
    judged = {"whole-critique": by_judge, "filter-off": by_judge | {"operations"}}
    judged |= {f"csr-{name}": steps for name, steps in judged.items()}
    # Two rounds are told apart by the second one's synthesizer alone.
    makes = judged | {"frozen-synthesizer": {"captions", "critiques"}}
    models = {"vop-only", "mixed"}, {"sft", "precision-reward"}, {"cold-start"}
    for name in VARIANTS:
        assert moved(name, "two-stage", DATA) == makes.get(name, set()), name
        assert moved(f"{name}-planted-40", "two-stage-planted-40", DATA) == makes.get(name, set()), name
        trained = [step for step in found[name] if step.startswith("model")]
        anew = next((number for number, names in enumerate(models, 1) if name in names), 0)
        assert len(moved(name, "two-stage", trained)) == anew, name
    assert moved("two-stage-planted-40", "two-stage", DATA) == {"planted"}
    assert "planted" in moved("two-stage-planted-40", "two-stage-planted-20", DATA)


def test_a_variant_is_compared_with_its_own_comparison_or_with_the_first_that_is_named() -> None:
    names = ["csr-only", "csr-filter-off", "sft"]
    assert {name: arm.against for name, arm in arms_of([*names, "two-stage"], ["usual"]).items()} == {
        "csr-only": "two-stage",
        "csr-filter-off": "csr-only",
        "sft": "two-stage",
        "two-stage": "two-stage",
    }
    assert {name: arm.against for name, arm in arms_of(names, ["hot"]).items()} == {
        "csr-only-hot": "csr-only-hot",
        "csr-filter-off-hot": "csr-only-hot",
        "sft-hot": "csr-only-hot",
    }


def test_an_unknown_variant_names_the_nearest() -> None:
    with pytest.raises(ProfileError, match="Did you mean 'mixed'"):
        arms_of(["two-stage", "mixd"], ["usual"])
    with pytest.raises(ProfileError, match=r"no kind of critiques 'planted20'.*'planted-20'"):
        arms_of(["two-stage"], ["usual", "planted20"])


def test_the_settings_of_all_variants_and_seeds_are_made_before_any_work() -> None:
    settings = load_profile("shapes")
    found = arm_settings(settings, arms_of(list(VARIANTS), ["usual"]), [17, 18])
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
        arm_settings(override(load_profile("shapes"), [changed]), arms_of(names, ["usual"]), seeds)


def test_true_labels_are_refused_where_nobody_knows_them() -> None:
    cut = cut_for("pool.uri=./photographs")
    with pytest.raises(PoolError, match=r"pool\.uri is './photographs'"):
        ceiling(InProcess(worker_for(cut)), cut, 1)
    with pytest.raises(PoolError, match=r"pool\.uri is './photographs'"):
        arm_settings(cut.settings, arms_of(["two-stage", "true-labels"], ["usual"]), [17])
    with pytest.raises(PoolError, match=r"pool\.uri is './photographs'"):
        arm_settings(cut.settings, arms_of(["two-stage"], ["planted-20"]), [17])
    assert arm_settings(cut.settings, arms_of(["two-stage"], ["usual", "hot"]), [17])


def test_variants_meet_critiques_of_every_quality_and_are_compared_within_it() -> None:
    arms = arms_of(["two-stage", "filter-off"], list(CRITIQUES))
    assert {name: arm.against for name, arm in arms.items()} == {
        "two-stage": "two-stage",
        "filter-off": "two-stage",
        "two-stage-hot": "two-stage-hot",
        "filter-off-hot": "two-stage-hot",
        "two-stage-planted-20": "two-stage-planted-20",
        "filter-off-planted-20": "two-stage-planted-20",
        "two-stage-planted-40": "two-stage-planted-40",
        "filter-off-planted-40": "two-stage-planted-40",
    }
    found = arm_settings(load_profile("shapes"), arms, [20])
    told = {
        name: (one.synthesis.critique_temperature, one.ablation.planted_share, one.filter.enabled)
        for (_, name), one in found.items()
    }
    assert told["two-stage"] == (1.0, 0.0, True)
    assert told["filter-off-hot"] == (1.5, 0.0, False)
    assert told["two-stage-planted-20"] == (1.0, 0.2, True)
    assert told["filter-off-planted-40"] == (1.0, 0.4, False)
    assert len({one.evolution for one in found.values()}) == len(arms)


def marked(right: int, of: int) -> Measured:
    """A round with so many sentences drawn, of which so many are right; the judge accepts the right ones."""
    count, marks = (
        Count(),
        Marks(needed=("size",), said={"r": Mark(kind="size", answers=0), "w": Mark(kind="size", answers=None)}),
    )
    count.add_critiques(
        Judged(caption="", drawn=(("r",) * right + ("w",) * (of - right),), accepted=(("r",),), rejected=(("w",),)),
        marks,
    )
    return count.measured(("size",))


BASE = {"a": [0.0] * 100, "b": [1.0] * 100}
BETTER = {"a": [1.0] * 50 + [0.0] * 50, "b": [1.0] * 100}
BEST = {"a": [1.0] * 100, "b": [1.0] * 100}
ARMS = {
    "two-stage": Arm(variant="two-stage", critiques="usual", against="two-stage"),
    "sft": Arm(variant="sft", critiques="usual", against="two-stage"),
    "sft-hot": Arm(variant="sft", critiques="hot", against="two-stage"),
}


def compared() -> Ablation:
    scores = {"base": [BASE, BASE], "two-stage": [BETTER, BEST], "sft": [BASE, BETTER], "sft-hot": [BASE, BASE]}
    measured = {"sft": [marked(3, 4), marked(4, 4)], "sft-hot": [marked(1, 4), marked(1, 4)]}
    return Ablation(seeds=(17, 18), rows=compare_arms(scores, ARMS, measured, GATE, 0))


def test_differences_are_paired_by_question_and_averaged_over_seeds() -> None:
    found = compared()
    two_stage, sft, _ = found.rows
    assert two_stage.by_seed == (25.0, 50.0)
    assert two_stage.against_base.points == 37.5
    assert two_stage.suites["a"].points == 75.0
    assert (two_stage.suites["b"].points, two_stage.suites["b"].low, two_stage.suites["b"].high) == (0, 0, 0)
    assert sft.against_base.points == 12.5
    # On every question of suite a the variant lies 50 points behind on average over the seeds: no uncertainty is left.
    assert (sft.difference.points, sft.difference.low, sft.difference.high) == (-25.0, -25.0, -25.0)

    table = ablation_table(found)
    assert "| +12.5 [" in table
    assert "| two-stage | -25.0 [-25.0, -25.0] |" in table


def test_intervals_over_seeds_speak_of_the_spread_of_the_seeds() -> None:
    # By hand: mean 10, deviation sqrt(10), and t of 4 degrees of freedom at 97.5 % is 2.776445.
    found = interval_over_seeds([6, 8, 10, 12, 14], 0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((10 - 2.776445 * 2**0.5, 10 + 2.776445 * 2**0.5), abs=1e-5)
    assert interval_over_seeds([6], 0.95) is None
    two_stage, sft, _ = compared().rows
    # Two seeds, 25 and 50: t of one degree of freedom is 12.7062, and the mean's deviation 12.5.
    assert two_stage.against_base_over_seeds is not None
    assert two_stage.against_base_over_seeds.high == pytest.approx(37.5 + 12.7062 * 12.5, abs=1e-3)
    # The two variants differ by 25 points with either seed.
    assert sft.difference_over_seeds is not None
    assert (sft.difference_over_seeds.low, sft.difference_over_seeds.high) == (-25.0, -25.0)


def test_gains_stand_beside_the_quality_of_the_critiques_and_are_drawn_over_it() -> None:
    found = compared()
    assert [row.drawn_right for row in found.rows] == [None, 87.5, 25.0]
    assert [row.accepted_right for row in found.rows] == [None, 100.0, 100.0]
    assert "| sft-hot | 25.0 % | 100.0 % | 100.0 % |" in ablation_table(found)
    svg = plot_gains(found)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "hot" in svg
    assert "two-stage" not in svg  # its critiques were not measured
    assert svg == plot_gains(compared())
    assert plot_gains(Ablation(seeds=(17, 18), rows=found.rows[:1])) == ""
