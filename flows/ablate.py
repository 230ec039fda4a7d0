"""The paper's ablations, and what the embedded defaults rest on: arms of one profile on the same questions.

What two arms have in common is computed once, since artifacts are found by what they were made from.
"""

from collections.abc import Sequence

from prefect import flow

from flows.against_truth import what_was_made
from flows.arms import USUAL, VARIANTS, Variant, arm_settings, arms_of
from flows.benchmark import Replies, answer_suites
from flows.ceiling import ceiling
from flows.cut import Cut, slice_of
from flows.evolve import run_rounds
from flows.runner import InProcess, one_worker, run
from flows.start import begin
from flows.truth import knows_truth
from models.ablation import Ablation
from tasks import ablation
from tasks.against_truth import TruthMeasureInputs, measure_against_truth
from viper.records import ArtifactRef, ModelRef, RoundResult
from viper.settings import GateRules, Settings


@flow(name="ablate", task_runner=one_worker, flow_run_name="ablate {settings.evolution}")
def ablate(
    settings: Settings, variants: Sequence[str], seeds: Sequence[int], critiques: Sequence[str] = (USUAL,)
) -> Ablation:
    """Run every variant at every quality of critiques with every seed, and compare their candidates pairwise.

    Args:
        settings: What the variants vary.
        variants: Names in ``VARIANTS``.
        seeds: Of the evolutions, at least one; several tell how far another seed would be off.
        critiques: Names in ``CRITIQUES``.

    Raises:
        ViperError: As ``arms_of`` and ``arm_settings``.
    """
    arms = arms_of(variants, critiques)
    varied = arm_settings(settings, arms, seeds)
    runner, plain = begin(settings)
    replies: dict[str, list[Replies]] = {"base": []}
    measured: dict[str, list[ArtifactRef]] = {name: [] for name in arms}
    for (seed, name), changed in varied.items():
        cut = Cut(changed, plain.identities)
        title = f"{name}, seed {seed}"
        trained, first = runner.group(title, _train, VARIANTS[arms[name].variant], cut)
        answered = runner.group(f"benchmarks of {title}", answer_suites, cut, {"base": cut.base, name: trained})
        replies.setdefault(name, []).append(answered[name])
        if name == next(iter(arms)):
            replies["base"].append(answered["base"])
        if first and knows_truth(changed):
            made_of = TruthMeasureInputs(world=changed.world, made=what_was_made(runner.store, first))
            measured[name].append(run(runner, measure_against_truth, made_of))
    inputs = ablation.AblationInputs(
        seeds=tuple(seeds),
        arms=arms,
        replies={name: tuple(by_seed) for name, by_seed in replies.items()},
        measured={name: tuple(by_seed) for name, by_seed in measured.items()},
        gate=slice_of(GateRules, settings.gate),
        seed=settings.seed,
    )
    found = ablation.read_ablation(runner.store, run(runner, ablation.compare_variants, inputs))
    ablation.show_ablation(settings.evolution, found)
    return found


def _train(runner: InProcess, variant: Variant, cut: Cut) -> tuple[ModelRef, RoundResult | None]:
    """The last candidate, and the first round; None where true labels stand in for what a round writes."""
    if variant.true_labels:
        return ceiling(runner, cut, variant.rounds), None
    results = run_rounds(runner, cut, variant.rounds)
    return results[-1].candidate, results[0]
