"""Caption self-refinement (CSR): from an image and its first caption, say what must be corrected."""

from collections.abc import Mapping
from typing import Any

from models.lessons.lesson import POOL, PictureOf, Sample, payload_of
from models.nothing import says_nothing
from models.payloads import Payload, Refinements
from models.prompts import Prompts
from models.sentences import join_sentences, split_sentences


class Csr:
    """The truth is the critique that the painter proved."""

    name = "csr"
    needs: tuple[str, ...] = ("refinements",)

    def prompt(self, prompts: Prompts) -> str:
        """The text that asks for refinements, with a blank for the caption."""
        return prompts.refine

    def samples(self, products: Mapping[str, Payload[Any]], prompt: str) -> list[Sample]:
        """One sample an image whose critique was kept."""
        return [
            Sample(
                id=image,
                images=(PictureOf(POOL, image),),
                prompt=prompt.format(caption=row.caption),
                truth=tuple(split_sentences(row.refinements)),
                meta={"lesson": self.name, "reason": row.reason, "gain": row.gain, "refined": row.refined},
            )
            for image, row in sorted(payload_of(products, "refinements", Refinements).root.items())
            if row.kept
        ]

    def teaches(self, sample: Sample) -> bool:
        """Whether anything is to correct."""
        return not says_nothing(join_sentences(sample.truth))
