"""Replies that cannot be used are asked for again: from seeds of their own, so many times and no more."""

from collections.abc import Sequence

from models.prompt_reader import Prompt
from models.tries import NOT_READ, Tries, Unusable, ask, unusable
from viper.records import Seed

SEED = Seed(evolution=17, round_number=2, step="critique")
TRIES = Tries(most=3, temperature=0.0, again=0.7, seed=SEED, max_new_tokens=5, batch=4)
SHORT = Unusable("too short")


class Scripted:
    """Says of each prompt what is written down for it, try after try, and remembers how it was asked."""

    def __init__(self, replies: dict[str, list[str]]) -> None:
        self.replies = {name: list(each) for name, each in replies.items()}
        self.asked: list[tuple[list[str], float, list[int]]] = []

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        batch: int,
        temperature: float = 0.0,
        seeds: Sequence[int] | None = None,
    ) -> list[str]:
        assert (max_new_tokens, batch) == (5, 4)
        self.asked.append(([prompt.text for prompt in prompts], temperature, list(seeds or ())))
        return [self.replies[prompt.text].pop(0) for prompt in prompts]


def read(item: str, reply: str) -> str | Unusable:
    return f"{item}: {reply}" if len(reply) > 2 else SHORT


def asked_of(replies: dict[str, list[str]], tries: Tries = TRIES) -> tuple[Scripted, dict[str, str | Unusable], int]:
    writer = Scripted(replies)
    found, again = ask(writer, {name: Prompt(name) for name in replies}, read, tries)
    return writer, found, again


def test_only_what_cannot_be_used_is_asked_again_and_then_sampled() -> None:
    writer, found, again = asked_of({"a": ["no", "good"], "b": ["right"], "c": ["no", "no", "fine"]})
    assert found == {"a": "a: good", "b": "b: right", "c": "c: fine"}
    assert list(found) == ["a", "b", "c"]
    assert again == 3
    assert [(names, temperature) for names, temperature, _ in writer.asked] == [
        (["a", "b", "c"], 0.0),
        (["a", "c"], 0.7),
        (["c"], 0.7),
    ]


def test_what_stays_unusable_is_given_up_after_the_last_try_with_its_reason() -> None:
    writer, found, again = asked_of({"a": ["no", "no", "no", "good"], "b": ["right"]})
    assert found == {"a": SHORT, "b": "b: right"}
    assert (again, len(writer.asked)) == (2, 3)
    once = Tries(most=1, temperature=0.0, again=0.7, seed=SEED, max_new_tokens=5, batch=4)
    assert asked_of({"a": ["no"], "b": ["right"]}, once)[1:] == ({"a": SHORT, "b": "b: right"}, 0)


def test_the_seed_of_a_draw_depends_on_item_and_try_alone() -> None:
    together = asked_of({"a": ["no", "no", "good"], "b": ["no", "right"], "c": ["yes"]})[0]
    alone = asked_of({"b": ["no", "right"]})[0]
    drawn = {
        (name, number): seed
        for number, (names, _, seeds) in enumerate(together.asked)
        for name, seed in zip(names, seeds, strict=True)
    }
    assert len(set(drawn.values())) == 6
    assert [seeds for *_, seeds in alone.asked] == [[drawn["b", 0]], [drawn["b", 1]]]
    # The first draw is that of the item itself, as it was before there were others.
    assert drawn["a", 0] == SEED.of("a")
    other = Tries(
        most=3,
        temperature=0.0,
        again=0.7,
        seed=SEED.model_copy(update={"round_number": 3}),
        max_new_tokens=5,
        batch=4,
    )
    assert not set(drawn.values()) & {other.draw(number, name) for name in "abc" for number in range(3)}


def test_a_reply_that_states_nothing_could_not_be_read() -> None:
    for reply in ("", "```", "I'm sorry, I cannot help with that.", "<think>The dog", "Here are the edits:"):
        assert unusable(reply, "wrote no operations") == Unusable(NOT_READ), reply
    assert unusable("Nothing to correct.", "wrote no operations").reason == "wrote no operations"
