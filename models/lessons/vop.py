"""Visual operation prediction (VOP): from an image and its edited version, name the edits."""

from collections.abc import Mapping
from typing import Any

from models.lessons.lesson import POOL, PictureOf, Sample, payload_of
from models.payloads import Operations, Payload
from models.prompts import Prompts


class Vop:
    """The truth is the instructions that the editor was given, where it followed them."""

    name = "vop"
    needs: tuple[str, ...] = ("operations", "edits")

    def prompt(self, prompts: Prompts) -> str:
        """The text that asks for the operations."""
        return prompts.predict

    def samples(self, products: Mapping[str, Payload[Any]], prompt: str) -> list[Sample]:
        """One sample an edit that was kept."""
        return [
            Sample(
                id=name.replace("/", "-"),
                images=(PictureOf(POOL, edit.image), PictureOf("edits", name)),
                prompt=prompt,
                truth=edit.sentences,
                meta={"lesson": self.name, "kinds": list(edit.kinds), "changes": list(edit.changes)},
            )
            for name, edit in sorted(payload_of(products, "operations", Operations).root.items())
            if edit.kept
        ]

    def teaches(self, sample: Sample) -> bool:
        """Always: an edit is something to name."""
        return True
