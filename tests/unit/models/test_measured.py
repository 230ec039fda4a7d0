"""What is counted of critiques and edits against the truth: every figure of a small case was counted by hand."""

from models.judged import Judged, judged_row
from models.measured import Count, Sides, Tally, measured_rows
from models.observer import Mark, Marks
from models.payloads import Critique, Refinement, Verdict

KINDS = ("color", "size")
TRUTH = Marks(
    needed=("color", "size"),
    said={
        "teal.": Mark(kind="color", answers=0),
        "large.": Mark(kind="size", answers=1),
        "red.": Mark(kind="color", answers=None),
    },
)
"""Of a caption that needs a color and a size."""
TRUE = Marks(needed=(), said={"red.": Mark(kind="color", answers=None)})
"""Of a caption that is true."""


def sides(before: tuple[int, int], after: tuple[int, int], rejected: tuple[int, int]) -> Sides:
    """From pairs of how many are right and of how many."""
    tallies = [Tally(right=right, of=of) for right, of in (before, after, rejected)]
    return Sides(before=tallies[0], after=tallies[1], rejected=tallies[2])


def test_sentences_critiques_and_needed_corrections_are_counted_before_and_after_the_judge() -> None:
    count = Count()
    drawn = (("teal.", "red."), ("teal.",), ("large.",), ())
    count.add_critiques(Judged(caption="c", drawn=drawn, accepted=(("teal.",),), rejected=(("red.", "large."),)), TRUTH)
    count.add_critiques(Judged(caption="c", drawn=((), ("red.",)), accepted=((),), rejected=()), TRUE)
    count.add_critiques(Judged(caption="c", drawn=(), accepted=(), rejected=()), TRUTH)
    found = count.measured(KINDS)
    assert found.pictures == 3
    # Right are teal twice and large once, of those and red twice.
    assert found.sentences == sides((3, 5), (1, 1), (1, 2))
    assert found.critiques == sides((2, 4), (1, 1), (0, 1))
    assert found.nothing == sides((1, 2), (1, 1), (0, 0))
    # Two captions need two corrections each; the first one's were drawn, teal accepted, large only rejected.
    assert found.needed == sides((2, 4), (1, 4), (1, 4))
    assert found.kinds["color"].said == sides((2, 4), (1, 1), (0, 1))
    assert found.kinds["size"].said == sides((1, 1), (0, 0), (1, 1))
    assert found.kinds["color"].needed == sides((1, 2), (1, 2), (0, 2))
    assert found.kinds["size"].needed == sides((1, 2), (0, 2), (1, 2))


def test_what_is_rejected_in_one_sentence_and_accepted_in_another_is_not_lost() -> None:
    count = Count()
    truth = Marks(needed=("color",), said={name: Mark(kind="color", answers=0) for name in ("teal.", "it is teal.")})
    judged = Judged(caption="c", drawn=(("teal.",),), accepted=(("teal.",),), rejected=(("it is teal.",),))
    count.add_critiques(judged, truth)
    assert count.measured(KINDS).needed == sides((1, 1), (1, 1), (0, 1))


def test_edits_are_counted_once_and_under_each_kind_of_their_operations() -> None:
    count = Count()
    count.add_edit(("add", "recolor", "recolor"), kept=True, right=True)
    count.add_edit(("recolor",), kept=True, right=False)
    count.add_edit(("add",), kept=False, right=True)
    found = count.measured(KINDS)
    assert found.edits == sides((2, 3), (1, 2), (1, 1))
    assert found.operations == {"add": sides((2, 2), (1, 1), (1, 1)), "recolor": sides((1, 2), (1, 2), (0, 0))}
    assert [what for what, _ in measured_rows(found)] == [
        "edits that are as their operations say",
        "edits with add",
        "edits with recolor",
    ]


def test_percents_are_of_something() -> None:
    assert Tally(of=8, right=2).percent == 25
    assert Tally(of=0, right=0).percent is None


BOTH, NOTHING = "It is teal. It is large.", "Nothing to correct."
CRITIQUES = [
    Critique(refinements="It is teal.", refined="x", draws=(0, 1)),
    Critique(refinements="It is large.", refined="x", draws=(2,)),
    Critique(refinements=NOTHING, refined="", draws=(3,)),
    Critique(refinements="", refined="", draws=(4,), unusable="wrote no corrections"),
]


def row(refinements: str, kept: bool, *standing: str) -> Refinement:
    verdicts = {
        said: Verdict(kept=said in standing, reason="accepted" if said in standing else "painting not closer")
        for said in ("It is teal.", "It is large.")
    }
    return Refinement(
        caption="c",
        refinements=refinements,
        refined="c",
        kept=kept,
        reason="",
        gain=0,
        first_distance=0,
        verdicts=verdicts,
    )


def test_the_judgement_is_read_sentence_by_sentence() -> None:
    teal, large = ("It is teal.",), ("It is large.",)
    one = judged_row(row("It is teal.", True, "It is teal."), CRITIQUES)
    assert one.drawn == (teal, teal, large, ())
    # Some draws said that nothing is to correct, and were not believed.
    assert (one.accepted, one.rejected) == ((teal,), (large, ()))
    both = judged_row(row(BOTH, True, "It is teal.", "It is large."), CRITIQUES[:2])
    assert (both.accepted, both.rejected) == ((teal + large,), ())
    nothing = judged_row(row(NOTHING, kept=True), CRITIQUES)
    assert (nothing.accepted, nothing.rejected) == (((),), (teal, large))
    refused = judged_row(row(NOTHING, kept=False), CRITIQUES)
    assert (refused.accepted, refused.rejected) == ((), (teal, large, ()))
