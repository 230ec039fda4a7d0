"""The gate: whether a candidate becomes champion.

It is promoted if the figure that ``gate.gain_on`` names (the mean over the suites, or one of them) rose, no chance: an
exact paired test of the two models' answers to the same questions gives a p of at most 1 - ``gate.confidence``, and at
least ``gate.min_changed`` answers changed. It is refused all the same if it *lost* a suite: that fell by more than
``gate.margin_points``, and the suite's own test, adjusted by Holm for the number of suites, has a p of at most
1 - ``gate.confidence``. In any other case the champion stays.

What that means at the default confidence (``python -m tests.gate_table``; table: ``deployments/results/gate.md``):

- A candidate without gain is promoted in at most 2.5 % of rounds: p is exact and two-sided, and only a rise counts.
- A candidate without loss is refused as having lost a suite in at most 2.5 % of rounds, however many suites there are.
- The price is what a small suite cannot show. Among seven suites of 1,000 questions, one that truly lost 2 points is
  called lost in 66 % of rounds if 4 % of its answers changed, in 21 % at 10 %, and in 9 % at 20 % (``models.power``).
  Without Holm it would be 87, 48 and 27 %, but up to one round in six without any loss would be refused as well. Each
  suite's ``detectable_points`` say in every report how far it must fall to be called lost in four rounds of five.

Why not a non-inferiority test, which asks that the interval's lower end stays above minus the margin: on 1,000
questions it easily reaches 2 points to each side, and of seven suites without any change some would nearly always fail.
"""

from models.paired_tests import p_text
from viper.records import Difference, SuiteResult, Verdict
from viper.settings import GateRules


def is_certain(found: Difference, gate: GateRules) -> bool:
    """Whether chance alone seldom makes such a difference, among as many as were looked at."""
    return found.test is not None and found.test.p_adjusted <= 1 - gate.confidence


def is_lost(found: Difference, gate: GateRules) -> bool:
    """Whether a suite's fall exceeds the margin and is certain (see the top of this file)."""
    return found.points < -gate.margin_points and is_certain(found, gate)


def decide(suites: tuple[SuiteResult, ...], mean: SuiteResult, collapse: str | None, gate: GateRules) -> Verdict:
    """Promote, keep the champion, or call a collapse.

    Args:
        suites: The candidate's results.
        mean: Their mean.
        collapse: What collapsed in the candidate's replies, in a sentence; ``None`` if nothing did.
        gate: Margin, level, and where the gain must be.
    """

    def verdict(decision: str, reason: str) -> Verdict:
        return Verdict.model_validate({"decision": decision, "reason": reason, "suites": suites, "mean": mean})

    if collapse:
        return verdict("collapse", collapse)
    lost = [result for result in suites if is_lost(result.against_champion, gate)]
    if lost:
        named = ", ".join(f"{result.suite} {_said(result.against_champion, gate)}" for result in lost)
        change = f"{mean.against_champion.points:+.1f}"
        return verdict(
            "keep champion",
            f"Lost more than the margin of {gate.margin_points:g} points on {named}; the mean changed by {change}.",
        )
    gain = next(row for row in (*suites, mean) if row.suite == gate.gain_on).against_champion
    said, where = _said(gain, gate), "" if gate.gain_on == "mean" else f" on {gate.gain_on}"
    if gain.points <= 0 or not is_certain(gain, gate):
        return verdict("keep champion", f"No certain gain over the champion{where}: {said}.")
    if gain.test is not None and gain.test.changed < gate.min_changed:
        few = f"{gain.test.changed} answers changed, fewer than gate.min_changed = {gate.min_changed}"
        return verdict("keep champion", f"Too little to tell a gain over the champion{where} from: {few}; {said}.")
    return verdict("promote", f"Sees better than the champion{where}: {said}.")


def _said(found: Difference, gate: GateRules) -> str:
    p = f", p {p_text(found.test.p_adjusted)}" if found.test else ""
    return f"{found.points:+.1f} points ({gate.confidence:.0%} interval {found.low:+.1f} to {found.high:+.1f}{p})"
