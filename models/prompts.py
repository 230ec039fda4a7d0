"""What is said to the vision-language model: one set of prompts a world.

A set has no logic but filling in its blanks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from viper.records import Record


class Wording(Record):
    """How benchmark questions are put into words; blanks are ``{question}`` and ``{options}``."""

    multiple_choice: str
    """A question with options."""
    option: str
    """One option; blanks ``{letter}`` and ``{text}``."""
    option_separator: str
    """What stands between two options."""
    question: str
    """An open or yes/no question."""

    def ask(self, question: str, options: Sequence[str] = ()) -> str:
        """The text of a benchmark question, ``options`` in the order of their letters; an empty one is left out."""
        if not options:
            return self.question.format(question=question)
        listed = self.option_separator.join(
            self.option.format(letter=chr(ord("A") + number), text=text) for number, text in enumerate(options) if text
        )
        return self.multiple_choice.format(question=question, options=listed)


@dataclass(frozen=True)
class Prompts:
    """The prompts of one world. Blanks are ``{caption}``, ``{corrections}`` and ``{operation}``.

    Where a general model writes, a prompt shows the form of the reply by an example, which the strict readers read.
    """

    caption: str
    """One image: describe it."""
    critique: str
    """Two images, original and painting, and the caption: what must be corrected?"""
    rewrite: str
    """No image, a caption and the corrections: the refined caption. So the corrections are followed, not judged."""
    refine: str
    """One image and the model's own caption: the refinement sentences (the CSR lesson)."""
    operations: str
    """One image and its refined caption: pick hard entities and propose edits, one sentence each."""
    predict: str
    """Two images, before and after: the operation sentences (the VOP lesson)."""
    happened: str
    """Two images, before and after, and one operation: did it happen, yes or no? Other operations may have, too."""
    wording: Wording
    """Of benchmark questions."""
