"""A suite from outside: questions with two options, whose reply need only name the right one."""

from collections.abc import Sequence

from typing_extensions import override

from models.suites.suite import Question, Reply, Suite


class DummySuite(Suite):
    """Scored by the words of the right option, not by its letter; one category."""

    name = "dummy"
    columns = ("index", "image", "question", "A", "B", "answer")

    @override
    def category(self, row: object) -> str:
        return "all"

    @override
    def score(self, question: Question, reply: str) -> float:
        """1 where the reply says anything of the right option, else 0."""
        return float(question.options["ABCD".index(question.answer)] in reply)

    @override
    def parts(self, replies: Sequence[Reply]) -> dict[str, float]:
        return {"answered": sum(bool(reply["reply"]) for reply in replies) / len(replies)}
