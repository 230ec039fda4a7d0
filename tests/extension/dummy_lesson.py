"""A lesson from outside: say the caption of a picture."""

from collections.abc import Mapping
from typing import Any

from models.lessons.lesson import POOL, PictureOf, Sample, payload_of
from models.payloads import Captions, Payload
from models.prompts import Prompts
from models.sentences import split_sentences


class DummyLesson:
    """The truth is the first caption. Its products were judged by nobody."""

    name = "dummy"
    needs: tuple[str, ...] = ("captions",)

    def prompt(self, prompts: Prompts) -> str:
        """The text that asks for captions."""
        return prompts.caption

    def samples(self, products: Mapping[str, Payload[Any]], prompt: str) -> list[Sample]:
        """One sample an image."""
        return [
            Sample(image, (PictureOf(POOL, image),), prompt, tuple(split_sentences(text)), {"lesson": self.name})
            for image, text in sorted(payload_of(products, "captions", Captions).root.items())
        ]

    def teaches(self, sample: Sample) -> bool:
        """Always."""
        return True
