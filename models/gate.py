"""The gate: whether a candidate becomes champion.

Two conditions, both on the same questions as the champion:

1. No certain loss. A suite is *lost* if the candidate is worse by more than ``gate.margin_points`` and that loss is no
   noise: its whole interval lies below zero and, on 0/1 scores, McNemar's exact p is at most 1 - ``gate.confidence``.
   One lost suite keeps the champion.
2. A certain gain: the interval of ``gate.gain_on`` (the mean over the suites, or one of them) lies above zero.

Why not the textbook's non-inferiority, which asks that the interval's lower end stays above minus the margin: on 1,000
questions an interval easily reaches 1.2 points to each side, and of seven such suites without any change all would pass
a margin of 1 point about once in a thousand rounds. And not the difference alone: that noise would refuse three in ten
unchanged rounds. By the rule above, an unchanged suite is refused in up to 1 of 40 rounds, and one that truly lost
2 points in 9 of 10. Its p values are not adjusted for the number of suites: adjusting would let a model lose more on
each suite the more suites there are. What a suite can show at all is its ``detectable_points``, in every report.
"""

from viper.records import Difference, SuiteResult, Verdict
from viper.settings import GateSettings


def is_lost(found: Difference, gate: GateSettings) -> bool:
    """Whether a suite's loss exceeds the margin and is certain (see the top of this file)."""
    exact = found.test is None or found.test.name == "sign" or found.test.p <= 1 - gate.confidence
    return found.points < -gate.margin_points and found.high < 0 and exact


def decide(suites: tuple[SuiteResult, ...], mean: SuiteResult, collapse: str | None, gate: GateSettings) -> Verdict:
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
        named = ", ".join(f"{result.suite} {result.against_champion.points:+.1f}" for result in lost)
        change = f"{mean.against_champion.points:+.1f}"
        return verdict(
            "keep champion",
            f"Certainly lost more than {gate.margin_points:g} points on {named}; the mean changed by {change}.",
        )
    gain = next(row for row in (*suites, mean) if row.suite == gate.gain_on).against_champion
    interval = f"{gain.points:+.1f} points, {gate.confidence:.0%} interval {gain.low:+.1f} to {gain.high:+.1f}"
    where = "" if gate.gain_on == "mean" else f" on {gate.gain_on}"
    if gain.low <= 0:
        return verdict("keep champion", f"No certain gain over the champion{where} ({interval}).")
    return verdict("promote", f"Sees better than the champion{where} ({interval}).")
