"""The prompts of photographs show the form of each reply by an example, which their own readers read whole."""

import pytest

from models.operations import read_written
from models.prompts import Prompts
from models.rewriting import read_rewrite
from models.selfcritique import read_critique
from models.sentences import join_sentences, split_sentences
from models.worlds.photographs import PROMPTS
from models.written import read_caption

EXAMPLE = "Of another image, that would be:\n"
DOG, BALL = "A brown dog sits on a wooden bench.", "A red ball lies left of the dog."
BLANKS = {
    "caption": set(),
    "critique": {"caption"},
    "rewrite": {"caption", "corrections"},
    "refine": {"caption"},
    "operations": {"caption"},
    "predict": set(),
    "happened": {"operation"},
}


def shown(prompt: str) -> str:
    """The reply that a prompt shows."""
    return prompt.partition(EXAMPLE)[2].partition("\n\n")[0]


@pytest.mark.parametrize(("name", "blanks"), BLANKS.items())
def test_a_prompt_has_its_blanks_and_no_others(name: str, blanks: set[str]) -> None:
    prompt = getattr(PROMPTS, name)
    filled = prompt.format(**{blank: f"<{blank}>" for blank in blanks})
    assert all(f"<{blank}>" in filled for blank in blanks)
    assert "{" not in filled


def test_the_caption_that_is_shown_is_read_as_it_stands() -> None:
    caption = shown(PROMPTS.caption)
    assert caption == f'{DOG} {BALL} A sign above the bench reads "PARK".'
    assert read_caption(caption) == caption


def test_the_corrections_that_are_shown_are_read_line_by_line() -> None:
    corrections = read_critique(shown(PROMPTS.critique))
    assert isinstance(corrections, str)
    assert split_sentences(corrections) == [
        "The ball left of the dog is green, not red.",
        "A white cup stands on the bench.",
    ]
    assert PROMPTS.critique.endswith("Nothing to correct.")


def test_the_operations_that_are_shown_are_read_line_by_line() -> None:
    plan = read_written("image", shown(PROMPTS.operations), 3)
    assert plan is not None
    assert plan.sentences == (
        "Recolor the small ball left of the dog from red to yellow.",
        "Remove the cup on the bench.",
    )


def test_the_rewritten_caption_that_is_shown_follows_its_corrections_and_keeps_the_rest() -> None:
    shown_first, _, _ = PROMPTS.rewrite.partition("Caption:\n{caption}")
    caption, corrections, rewritten = (
        shown_first.partition(f"{title}:\n")[2].partition("\n")[0]
        for title in ("Caption", "Corrections", "New caption")
    )
    assert join_sentences(split_sentences(caption)) == caption
    assert read_rewrite(caption, corrections, rewritten) == rewritten
    # The line that begins the model's own reply stands last.
    assert PROMPTS.rewrite.format(caption=caption, corrections=corrections).endswith("\nNew caption:")


def test_an_example_costs_few_words() -> None:
    examples: Prompts = PROMPTS
    words = {name: len(shown(getattr(examples, name)).split()) for name in ("caption", "critique", "operations")}
    assert all(5 < count < 30 for count in words.values()), words
