"""What several draws said: taken apart into sentences, and put together again by draw."""

from models.payloads import Critique, Critiques
from models.tries import Unusable
from tasks.critique import sentences_of, whole_draws

TEAL = "the object at the top left is teal, not green."
RING = "the object at the top left is a ring, not a circle."


def test_draws_are_taken_apart_into_sentences_and_told_which_said_each() -> None:
    replies = [f"{TEAL} {RING}", "nothing to correct.", Unusable("x"), f"{RING} {RING}", f"{TEAL} nothing to correct."]
    assert sentences_of(replies) == {TEAL: [0, 4], RING: [0, 3], "nothing to correct.": [1]}


def test_what_was_taken_apart_is_put_together_by_draw() -> None:
    nothing, both = "nothing to correct.", f"{TEAL} {RING}"
    drawn = [
        Critique(refinements=text, refined="x", draws=draws) for text, draws in ((TEAL, (0, 4, 5)), (RING, (0, 5)))
    ]
    drawn += [Critique(refinements=nothing, refined="", draws=(1,))]
    drawn += [Critique(refinements="", refined="", draws=(2, 3), unusable="wrote no corrections")]
    assert whole_draws(drawn) == {both: [0, 5], nothing: [1], TEAL: [4]}


def test_critiques_of_earlier_versions_are_read() -> None:
    written = b'{"a": [{"refinements": "x", "refined": "y", "samples": 3, "first_draw": 2, "unusable": ""}]}'
    (one,) = Critiques.parse(written).root["a"]
    assert (one.refinements, one.refined, one.samples, one.draws[0], one.unusable) == ("x", "y", 3, 2, "")
    (again,) = Critiques.parse(Critiques({"a": (one,)}).encoded()["critiques.json"]).root["a"]
    assert again == one
