"""The paper's ablations, and what the embedded defaults rest on: variants of one profile on the same questions.

A variant changes a few settings, or the list of stages. What two variants have in common is computed once, since
artifacts are found by what they were made from.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prefect import flow

from flows.benchmark import Replies, answer_suites
from flows.ceiling import ceiling
from flows.cut import Cut, slice_of
from flows.evolve import run_rounds
from flows.runner import InProcess, one_worker, run
from flows.start import begin
from flows.truth import check_truth
from flows.variants import cold_start, mixed, only, supervised, unchanged
from models.comparison import Ablation
from tasks import ablation
from viper.errors import ProfileError
from viper.profiles import override
from viper.records import ModelRef
from viper.settings import GateRules, Settings


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


VARIANTS = {
    "two-stage": Variant(),
    "csr-only": Variant(only("csr")),
    "vop-only": Variant(only("vop")),
    "mixed": Variant(mixed),
    "sft": Variant(supervised),
    "cold-start": Variant(cold_start),
    "filter-off": Variant(changes=("filter.enabled=false",)),
    "precision-reward": Variant(changes=("training.reward.coverage_weight=0.0", "collapse.enabled=false")),
    "true-labels": Variant(true_labels=True),
    "two-rounds": Variant(rounds=2),
    "frozen-synthesizer": Variant(changes=("frozen_synthesizer=true",), against="two-rounds", rounds=2),
}
"""By name. The first is what the others are compared with, unless they say otherwise."""


def variant_settings(settings: Settings, names: Sequence[str], seeds: Sequence[int]) -> dict[tuple[int, str], Settings]:
    """The settings of every variant with every seed, in the order in which they run.

    Args:
        settings: What the variants vary.
        names: In ``VARIANTS``.
        seeds: Of the evolutions.

    Raises:
        ProfileError: A variant is unknown (the nearest known name is given) or lacks its comparison, a variant or seed
            is named twice, or the settings of a variant cannot be.
        PoolError: A variant learns from true labels, and nobody knows those of the pool.
    """
    for what, given in (("variant", names), ("seed", seeds)):
        twice = [str(one) for number, one in enumerate(given) if one in given[:number]]
        if twice:
            raise ProfileError(f"The {what} {twice[0]} is named twice. Name each {what} once.")
    for name in names:
        if name not in VARIANTS:
            near = difflib.get_close_matches(name, VARIANTS, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ProfileError(f"There is no variant {name!r}. {hint}Known variants: {', '.join(VARIANTS)}.")
        if VARIANTS[name].against not in names:
            raise ProfileError(f"The variant {name!r} is compared with {VARIANTS[name].against!r}: name that, too.")
        if VARIANTS[name].true_labels:
            check_truth(settings)
    return {(seed, name): _varied(settings, name, seed) for seed in seeds for name in names}


def _varied(settings: Settings, name: str, seed: int) -> Settings:
    variant, evolution = VARIANTS[name], f"{settings.evolution}-{name}-{seed}"
    try:
        # Nobody is asked: an ablation compares candidates, whoever becomes champion.
        own = [f"seed={seed}", f"evolution={evolution}", "gate.approval=false"]
        return override(variant.stages(settings), [*variant.changes, *own])
    except ProfileError as error:
        raise ProfileError(
            f"The variant {name!r} with seed {seed}, whose evolution would be called {evolution!r}, cannot be: {error} "
            "Leave it out of --variants, or change the profile or the evolution's name."
        ) from error


@flow(name="ablate", task_runner=one_worker, flow_run_name="ablate {settings.evolution}")
def ablate(settings: Settings, variants: Sequence[str], seeds: Sequence[int]) -> Ablation:
    """Run every variant with every seed, and compare their candidates pairwise.

    Args:
        settings: What the variants vary.
        variants: Names in ``VARIANTS``.
        seeds: Of the evolutions, at least one.

    Raises:
        ViperError: As ``variant_settings``.
    """
    varied = variant_settings(settings, variants, seeds)
    runner, plain = begin(settings)
    replies: dict[str, list[Replies]] = {"base": []}
    for (seed, name), changed in varied.items():
        cut = Cut(changed, plain.identities)
        title = f"{name}, seed {seed}"
        roles = {"base": cut.base, name: runner.group(title, _train, VARIANTS[name], cut)}
        answered = runner.group(f"benchmarks of {title}", answer_suites, cut, roles)
        replies.setdefault(name, []).append(answered[name])
        if name == variants[0]:
            replies["base"].append(answered["base"])
    inputs = ablation.AblationInputs(
        seeds=tuple(seeds),
        against={name: VARIANTS[name].against for name in variants},
        replies={name: tuple(by_seed) for name, by_seed in replies.items()},
        gate=slice_of(GateRules, settings.gate),
        seed=settings.seed,
    )
    found = ablation.read_ablation(runner.store, run(runner, ablation.compare_variants, inputs))
    ablation.show_ablation(settings.evolution, found)
    return found


def _train(runner: InProcess, variant: Variant, cut: Cut) -> ModelRef:
    if variant.true_labels:
        return ceiling(runner, cut, variant.rounds)
    return run_rounds(runner, cut, variant.rounds)[-1].candidate
