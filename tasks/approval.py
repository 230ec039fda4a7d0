"""What a person is asked before a promotion, and the verdict that follows from the answer."""

from storage.layout import check_name
from tasks.pages import figure_tables
from tasks.step import key_of
from viper.escaping import for_markdown
from viper.records import Approval, ModelRef, Verdict


def question_of(champion: ModelRef, candidate: ModelRef, verdict: Verdict) -> str:
    """The hash of what is to be decided, 64 hex digits: another candidate or another comparison is another question."""
    asked = {"champion": champion, "candidate": candidate, "verdict": verdict}
    return check_name("question", key_of("approval", 1, asked))


def decided(verdict: Verdict, approval: Approval) -> Verdict:
    """The gate's verdict with a person's: a candidate that is rejected leaves the champion as it is."""
    said = f"“{' '.join(approval.reason.split())}”"
    if approval.approved:
        return verdict.model_copy(update={"reason": f"{verdict.reason} Approved by a person: {said}"})
    reason = f"Rejected by a person: {said} The gate would have promoted it: {verdict.reason}"
    return verdict.model_copy(update={"decision": "keep champion", "reason": reason})


def approval_page(evolution: str, round_number: int, verdict: Verdict) -> str:
    """The comparison as Markdown, and how to decide."""
    command = f"viper champion approve {evolution} --reason TEXT"
    return (
        f"**Round {round_number} of {for_markdown(evolution)} waits for approval.** {for_markdown(verdict.reason)}\n\n"
        f"Press Resume on the page of the run, or type `{command}` (or `reject`).\n\n{figure_tables(verdict)}"
    )
