"""The paper's ablations, and what the embedded defaults rest on: variants of one profile on the same questions.

A variant changes a few settings. What two variants have in common is computed once, since artifacts are found by what
they were made from.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import flow

from flows.benchmark import benchmark
from flows.ceiling import ceiling
from flows.evolve import evolve
from flows.synthesis import one_worker
from tasks import ablation, promotion
from viper.errors import ProfileError
from viper.profiles import override
from viper.records import Ablation, ArtifactRef, ModelRef
from viper.settings import Settings

Replies = dict[str, list[ArtifactRef]]


@dataclass(frozen=True)
class Variant:
    """What is changed, and what the result is compared with."""

    changes: tuple[str, ...] = ()
    """Settings, as ``--set`` takes them."""
    against: str = "two-stage"
    rounds: int = 1
    true_labels: bool = False


VARIANTS = {
    "two-stage": Variant(),
    "csr-only": Variant(("training.stages=['csr']",)),
    "vop-only": Variant(("training.stages=['vop']",)),
    "mixed": Variant(("training.stages=['mixed']",)),
    "sft": Variant(("training.stages=['csr-sft', 'vop-sft']",)),
    "cold-start": Variant(("training.stages=['mixed-sft', 'csr', 'vop']",)),
    "filter-off": Variant(("filter.enabled=false",)),
    "precision-reward": Variant(("training.reward.coverage_weight=0.0", "collapse.enabled=false")),
    "true-labels": Variant(true_labels=True),
    "two-rounds": Variant(rounds=2),
    "frozen-synthesizer": Variant(("frozen_synthesizer=true",), against="two-rounds", rounds=2),
}
"""By name. The first is what the others are compared with, unless they say otherwise."""


def check_variants(names: Sequence[str]) -> None:
    """Refuse unknown variants, and those whose comparison is left out.

    Raises:
        ProfileError: See above; the nearest known name is given.
    """
    for name in names:
        if name not in VARIANTS:
            near = difflib.get_close_matches(name, VARIANTS, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ProfileError(f"There is no variant {name!r}. {hint}Known variants: {', '.join(VARIANTS)}.")
        if VARIANTS[name].against not in names:
            raise ProfileError(f"The variant {name!r} is compared with {VARIANTS[name].against!r}: name that, too.")


@flow(name="ablate", task_runner=one_worker, flow_run_name="ablate {settings.evolution}")
def ablate(settings: Settings, variants: Sequence[str], seeds: Sequence[int]) -> Ablation:
    """Run every variant with every seed, and compare their candidates pairwise.

    Args:
        settings: What the variants vary.
        variants: Names in ``VARIANTS``.
        seeds: Of the evolutions, at least one.

    Raises:
        ProfileError: A variant is unknown or lacks its comparison, or a changed setting is wrong.
    """
    check_variants(variants)
    replies: dict[str, list[Replies]] = {"base": []}
    for seed in seeds:
        for name in variants:
            named = [f"seed={seed}", f"evolution={settings.evolution}-{name}-{seed}"]
            chosen = override(settings, [*VARIANTS[name].changes, *named])
            roles = {"base": promotion.base_vlm(chosen), name: _train(VARIANTS[name], chosen)}
            answered = benchmark(profile=chosen.name, settings=chosen, vlms=roles)
            replies.setdefault(name, []).append(answered[name])
            if name == variants[0]:
                replies["base"].append(answered["base"])
    against = {name: VARIANTS[name].against for name in variants}
    found = ablation.read_ablation(ablation.compare_variants(settings, list(seeds), against, replies))
    ablation.show_ablation(settings, found)
    return found


def _train(variant: Variant, settings: Settings) -> ModelRef:
    if variant.true_labels:
        return ceiling(settings, variant.rounds)
    results = evolve(profile=settings.name, rounds=variant.rounds, settings=settings)
    return results[-1].candidate
