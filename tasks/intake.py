"""Takes the rows of a suite one by one: those that can be asked go to shards, the others are counted with a reason."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pydantic import JsonValue

from models.suites.reading import BROKEN, image_cells
from models.suites.suite import Suite
from storage.images import inspect_image
from storage.suite_shards import ShardWriter
from tasks.step import Made
from viper.errors import SuiteError
from viper.pictures import ImageLimits

MAX_IMAGE_PIXELS = 178_956_970
"""Largest width x height of a picture: Pillow refuses more."""
MAX_BROKEN_SHARE = 0.01
"""Share of broken rows above which a suite is refused: its figure would not be the benchmark's."""

log = logging.getLogger("viper")


class Intake:
    """Takes the rows of a suite one after the other, and counts those that cannot be asked."""

    def __init__(self, suite: Suite, writer: ShardWriter, limit: int, limits: ImageLimits) -> None:
        """Begin.

        Args:
            suite: What the rows belong to.
            writer: Where they go.
            limit: Rows at most, 0 for all. A unit that was begun within it is completed beyond it.
            limits: Of its pictures.
        """
        self._suite, self._writer, self._limit, self._limits = suite, writer, limit, limits
        self._rows, self._without_image = 0, 0
        self._broken: dict[str, str] = {}
        self._images: dict[str, tuple[str, ...]] = {}
        self._sound: set[str] = set()
        self._units: set[str] = set()

    @property
    def full(self) -> bool:
        """Whether no further row can be taken."""
        return self._reached and not self._suite.whole_units

    @property
    def _reached(self) -> bool:
        return bool(self._limit) and self._writer.questions >= self._limit

    def take(self, row: Mapping[str, Any]) -> None:
        """Ask the row, or count why it cannot be asked."""
        self._rows += 1
        try:
            self._ask(row)
        except ValueError as error:
            self._broken[f"{row.get('index')} (row {self._rows})"] = str(error)
            log.warning("%s, row %d, index %r: %s", self._suite.name, self._rows, row.get("index"), error)

    def _ask(self, row: Mapping[str, Any]) -> None:
        if BROKEN in row:
            raise ValueError(row[BROKEN])
        question = self._suite.question(row)
        images = self._names(row)
        if not images:
            self._without_image += 1
            return
        self._images[question.index] = images
        question = replace(question, unit=self._suite.unit(question, images))
        if self._reached and question.unit not in self._units:
            return
        self._units.add(question.unit)
        self._writer.add(asdict(question), images)

    def _names(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        names: list[str] = []
        for cell in image_cells(row):
            if isinstance(cell, bytes):
                names.append(self._kept(cell))
            elif cell in self._images:
                names += self._images[cell]
            else:
                raise ValueError(f"the image {cell!r} is no base64 picture and no earlier row's index")
        return tuple(names)

    def _kept(self, data: bytes) -> str:
        name = self._writer.keep_image(data)
        if name not in self._sound:
            if reason := inspect_image(data, self._limits):
                raise ValueError(f"an image is set aside: {reason}")
            self._sound.add(name)
        return name

    def finish(self) -> Made:
        """The suite's entries and facts.

        Raises:
            SuiteError: Nothing can be asked, or too many rows are broken.
        """
        self._writer.close()
        name, broken = self._suite.name, self._broken
        if len(broken) > MAX_BROKEN_SHARE * self._rows or not self._writer.questions:
            shown = "; ".join(f"index {index}: {reason}" for index, reason in list(broken.items())[:3])
            raise SuiteError(
                f"{name}: {len(broken)} of {self._rows} rows are broken, {self._without_image} have no image; at most "
                f"{MAX_BROKEN_SHARE:.0%} may be broken. {shown or 'Nothing is left to ask'}. Fetch the files again."
            )
        counts = f"{self._writer.questions:,} rows, {len(self._units):,} units"
        log.info("%s: %s, %d broken, %d without an image", name, counts, len(broken), self._without_image)
        facts: dict[str, JsonValue] = {
            "suite": name,
            "questions": self._writer.questions,
            "units": len(self._units),
            "shards": self._writer.shards,
            "broken": dict(broken),
            "without_image": self._without_image,
        }
        return Made(self._writer.entries, facts)
