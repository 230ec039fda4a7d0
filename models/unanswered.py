"""Replies from which no answer could be read: they count as wrong, and a verdict that rests on many of them says so."""

from collections.abc import Mapping, Sequence

from models.suites.suite import Reply
from viper.records import SuiteResult, Unanswered, Verdict

MAX_PERCENT = 10
"""A verdict names the suites in which more of a model's replies had no answer: what they measure is form, not sight."""


def unanswered_percent(replies: Sequence[Reply]) -> float:
    """The share of replies without an answer, in percent. Replies stored before it was counted pass for answers."""
    return 100 * sum(not reply.get("answered", True) for reply in replies) / len(replies)


def with_unanswered(verdict: Verdict, percents: Mapping[str, Mapping[str, float]]) -> Verdict:
    """The verdict with each suite's replies without an answer, and a sentence on suites in which they are many.

    Args:
        verdict: The gate's.
        percents: By role (``base``, ``champion``, ``candidate``), then suite.
    """
    suites = tuple(
        row.model_copy(
            update={
                "unanswered": Unanswered.model_validate({role: found[row.suite] for role, found in percents.items()})
            }
        )
        for row in verdict.suites
    )
    found = [row.unanswered for row in suites if row.unanswered]
    mean = Unanswered.model_validate(
        {role: sum(getattr(one, role) for one in found) / len(found) for role in Unanswered.model_fields}
    )
    update = {
        "suites": suites,
        "mean": verdict.mean and verdict.mean.model_copy(update={"unanswered": mean}),
        "reason": verdict.reason + _warning(suites),
    }
    return verdict.model_copy(update=update)


def _warning(suites: Sequence[SuiteResult]) -> str:
    """A sentence that names suites and models with too many replies without an answer; empty if there are none."""
    named = []
    for row in suites:
        shares = row.unanswered.model_dump() if row.unanswered else {}
        many = [f"{role} {percent:.1f} %" for role, percent in shares.items() if percent > MAX_PERCENT]
        named += [f"{row.suite} ({', '.join(many)})"] if many else []
    if not named:
        return ""
    return f" No answer could be read in more than {MAX_PERCENT} % of the replies to {', '.join(named)}."
