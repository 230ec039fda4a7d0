"""The arms of an ablation: variants of one profile, at critiques of some quality.

A variant changes a few settings, or the list of stages.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flows.truth import check_truth
from flows.variants import cold_start, mixed, only, supervised, unchanged
from models.ablation import Arm
from viper.errors import ProfileError
from viper.profiles import override
from viper.settings import Settings


@dataclass(frozen=True)
class Variant:
    """What is changed, and what the result is compared with."""

    stages: Callable[[Settings], Settings] = unchanged
    """Gives the settings another list of stages."""
    changes: tuple[str, ...] = ()
    """Settings, as ``--set`` takes them."""
    against: str = "two-stage"
    rounds: int = 1
    true_labels: bool = False


FILTER_OFF = ("filter.enabled=false", "filter.unit=critique")
WHOLE = ("filter.unit=critique",)
VARIANTS = {
    "two-stage": Variant(),
    "csr-only": Variant(only("csr")),
    "vop-only": Variant(only("vop")),
    "mixed": Variant(mixed),
    "sft": Variant(supervised),
    "cold-start": Variant(cold_start),
    "filter-off": Variant(changes=FILTER_OFF),
    "whole-critique": Variant(changes=WHOLE),
    # Edits follow little from the critiques: what the judge is worth shows where they alone are learned from.
    "csr-filter-off": Variant(only("csr"), FILTER_OFF, against="csr-only"),
    "csr-whole-critique": Variant(only("csr"), WHOLE, against="csr-only"),
    "precision-reward": Variant(changes=("training.reward.coverage_weight=0.0", "collapse.enabled=false")),
    "true-labels": Variant(true_labels=True),
    "two-rounds": Variant(rounds=2),
    "frozen-synthesizer": Variant(changes=("frozen_synthesizer=true",), against="two-rounds", rounds=2),
}
"""By name."""
USUAL = "usual"
CRITIQUES = {
    USUAL: (),
    "hot": ("synthesis.critique_temperature=1.5",),
    "planted-20": ("ablation.planted_share=0.2",),
    "planted-40": ("ablation.planted_share=0.4",),
}
"""By name: what makes the critiques of every variant worse."""


def arms_of(variants: Sequence[str], critiques: Sequence[str]) -> dict[str, Arm]:
    """Every variant at every quality of critiques, by name: that of the variant where the critiques are as usual.

    One whose comparison is not among them is compared with the first of them.

    Args:
        variants: In ``VARIANTS``.
        critiques: In ``CRITIQUES``.

    Raises:
        ProfileError: One is unknown (the nearest known name is given) or named twice.
    """
    for what, given, known in (("variant", variants, VARIANTS), ("kind of critiques", critiques, CRITIQUES)):
        _refuse_twice(what, given)
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"Did you mean {near[0]!r}? " if near else ""
                raise ProfileError(f"There is no {what} {name!r}. {hint}Known: {', '.join(known)}.")
    against = {name: VARIANTS[name].against if VARIANTS[name].against in variants else variants[0] for name in variants}
    return {
        _arm_name(variant, kind): Arm(variant=variant, critiques=kind, against=_arm_name(against[variant], kind))
        for kind in critiques
        for variant in variants
    }


def _refuse_twice(what: str, given: Sequence[str | int]) -> None:
    twice = [str(one) for number, one in enumerate(given) if one in given[:number]]
    if twice:
        raise ProfileError(f"The {what} {twice[0]} is named twice. Name each {what} once.")


def _arm_name(variant: str, critiques: str) -> str:
    return variant if critiques == USUAL else f"{variant}-{critiques}"


def arm_settings(settings: Settings, arms: Mapping[str, Arm], seeds: Sequence[int]) -> dict[tuple[int, str], Settings]:
    """The settings of every arm with every seed, in the order in which they run.

    Args:
        settings: What the arms vary.
        arms: By name.
        seeds: Of the evolutions.

    Raises:
        ProfileError: A seed is named twice, or the settings of an arm cannot be.
        PoolError: An arm learns from true labels or has wrong sentences planted, and nobody knows the truth.
    """
    _refuse_twice("seed", seeds)
    found = {(seed, name): _varied(settings, name, arm, seed) for seed in seeds for name, arm in arms.items()}
    if any(VARIANTS[arm.variant].true_labels for arm in arms.values()) or any(
        varied.ablation.planted_share for varied in found.values()
    ):
        check_truth(settings)
    return found


def _varied(settings: Settings, name: str, arm: Arm, seed: int) -> Settings:
    variant, evolution = VARIANTS[arm.variant], f"{settings.evolution}-{name}-{seed}"
    try:
        # Nobody is asked: an ablation compares candidates, whoever becomes champion.
        own = [f"seed={seed}", f"evolution={evolution}", "gate.approval=false"]
        return override(variant.stages(settings), [*variant.changes, *CRITIQUES[arm.critiques], *own])
    except ProfileError as error:
        raise ProfileError(
            f"The variant {name!r} with seed {seed}, whose evolution would be called {evolution!r}, cannot be: {error} "
            "Leave it out of --variants, or change the profile or the evolution's name."
        ) from error
