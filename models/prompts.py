"""Everything that is said to the vision-language model, one set of prompts a world.

A researcher who wants another prompt changes it here. A set has no logic but filling in its blanks.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Prompts:
    """The prompts of one world. Blanks are ``{caption}``, ``{corrections}``, ``{question}``, ``{options}``."""

    caption: str
    """One image: describe it."""
    critique: str
    """Two images, original and painting, and the caption: what must be corrected?"""
    rewrite: str
    """No image, a caption and the corrections: the refined caption. So the corrections are followed, not judged."""
    refine: str
    """One image and the model's own caption: the refinement sentences (the CSR task)."""
    operations: str
    """One image and its refined caption: pick hard entities and propose edits, one sentence each."""
    predict: str
    """Two images, before and after: the operation sentences (the VOP task)."""
    multiple_choice: str
    """A question with options."""
    option: str
    """One option; blanks ``{letter}`` and ``{text}``."""
    option_separator: str
    """What stands between two options."""
    question: str
    """An open or yes/no question."""

    def ask(self, question: str, options: Sequence[str] = ()) -> str:
        """The text of a benchmark question, ``options`` in the order of their letters."""
        if not options:
            return self.question.format(question=question)
        listed = self.option_separator.join(
            self.option.format(letter=chr(ord("A") + number), text=text) for number, text in enumerate(options)
        )
        return self.multiple_choice.format(question=question, options=listed)

    def of_questions(self) -> tuple[str, ...]:
        """The texts that ``ask`` puts together: what decides how a benchmark question is worded."""
        return (self.multiple_choice, self.option, self.option_separator, self.question)


SHAPES = Prompts(
    caption="describe the image.",
    critique="caption: {caption} compare the first picture and the second. what must be corrected?",
    rewrite="",
    refine="caption: {caption} what must be corrected?",
    operations="",
    predict="what was changed from the first picture to the second?",
    multiple_choice="{question} choose {options}.",
    option="{text}",
    option_separator=" or ",
    question="{question}",
)
"""The embedded world's: every word is in its vocabulary. Refined captions and operations are written by rules."""

PHOTOGRAPHS = Prompts(
    caption=(
        "Describe this image in detail. State every object, its attributes (color, material, size, number), any text "
        "in the image word for word, and the spatial relations between objects. Describe only what is visible; leave "
        "out guesses, feelings and motion. Write plain sentences, one fact in each."
    ),
    critique=(
        "The first image is the original. The second image was painted from this caption:\n{caption}\n\n"
        "Compare the two images. Wherever they differ, the caption misses something or is wrong. Write the corrections "
        "that the caption needs in order to describe the first image: attributes, text, and spatial relations. "
        "One short sentence for each correction, and nothing else. If nothing must be corrected, write exactly: "
        "Nothing to correct."
    ),
    rewrite=(
        "Caption:\n{caption}\n\nCorrections:\n{corrections}\n\nRewrite the caption so that it follows every correction "
        "and keeps everything else. Write the new caption only."
    ),
    refine=(
        "Here is a first caption of this image:\n{caption}\n\nLook at the image again and find what the caption misses "
        "or gets wrong: attributes, text, and spatial relations. One short sentence for each correction, and nothing "
        "else. If nothing must be corrected, write exactly: Nothing to correct."
    ),
    operations=(
        "Caption of this image:\n{caption}\n\nPick up to three entities that are hard to see correctly: small ones, "
        "ones with an unusual attribute, ones that are easily confused with something near. For each write one edit of "
        "the image that changes only this entity: recolor, resize, replace, remove, add, move, or change its text. "
        "Write each edit as one imperative sentence that names the entity, where it is, and the exact change. "
        "Write the sentences only, one a line."
    ),
    predict=(
        "The second image is an edited version of the first. Name every edit. Write one imperative sentence for each "
        "that names the entity, where it is, and the exact change, and nothing else."
    ),
    multiple_choice=(
        "Question: {question}\nOptions:\n{options}\nPlease select the correct answer from the options above."
    ),
    option="{letter}. {text}",
    option_separator="\n",
    question="{question}",
)
"""For photographs and general models such as Qwen2.5-VL. Benchmark wording follows VLMEvalKit."""

SETS = {"shapes": SHAPES, "photographs": PHOTOGRAPHS}
"""Prompt sets by the name that a profile gives them."""
