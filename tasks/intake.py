"""Takes the rows of a suite one by one: those that can be asked go to shards, the others are counted with a reason."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import JsonValue

from models.suites.image_cells import image_cells
from models.suites.reading import BROKEN, cell_text
from models.suites.suite import Question, Suite
from storage.images import inspect_image
from storage.suite_shards import ShardWriter
from tasks.step import Made
from viper.errors import SuiteError
from viper.pictures import ImageLimits

MAX_IMAGES = 1_000
"""Most images of a row: rows that name rows that name rows could have billions."""
MAX_BROKEN_SHARE = 0.01
"""Share of broken rows above which a suite is refused: its figure would not be the benchmark's."""

log = logging.getLogger("viper")


@dataclass(frozen=True)
class _Kept:
    """An image that was written."""

    name: str


@dataclass(frozen=True)
class _OfRow:
    """The images of another row."""

    index: str


_Images = tuple[_Kept | _OfRow, ...]


@dataclass(frozen=True)
class _Waiting:
    """A row that was read, but whose images may be those of a later one."""

    place: str
    question: Question
    images: _Images


class Intake:
    """Takes the rows of a suite one after the other, and counts those that cannot be asked.

    Rows are asked in their order. Where one shows the images of a later row, those after it wait with it, without their
    images in memory.
    """

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
        self._row_of: dict[str, int] = {}
        self._images: dict[str, _Images] = {}
        self._waiting: deque[_Waiting] = deque()
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
        place = f"{row.get('index')} (row {self._rows})"
        try:
            self._waiting.append(self._read(row, place))
        except ValueError as error:
            self._refuse(place, str(error))
        self._ask_waiting()

    def _refuse(self, place: str, reason: str) -> None:
        self._broken[place] = reason
        log.warning("%s, index %s: %s", self._suite.name, place, reason)

    def _read(self, row: Mapping[str, Any], place: str) -> _Waiting:
        """The row, its images written.

        Raises:
            ValueError: It is broken.
        """
        if BROKEN in row:
            raise ValueError(row[BROKEN])
        if not (index := cell_text(row, "index")):
            raise ValueError("the index is empty")
        if index in self._row_of:
            raise ValueError(f"row {self._row_of[index]} has the same index")
        self._row_of[index] = self._rows
        # Before the question is looked at: other rows may show these images, whatever is wrong with the question.
        images: list[_Kept | _OfRow] = []
        for cell in image_cells(row):
            one = _Kept(self._kept(cell)) if isinstance(cell, bytes) else _OfRow(cell)
            images += [one] if (names := self._names((one,))) is None else map(_Kept, names)
            if len(images) > MAX_IMAGES:
                raise ValueError(f"it has more than {MAX_IMAGES:,} images")
        self._images[index] = tuple(images)
        return _Waiting(place, self._suite.question(row), self._images[index])

    def _ask_waiting(self, all_read: bool = False) -> None:
        """Ask the rows that wait, up to the first whose images were not read yet."""
        while self._waiting and not self.full:
            row = self._waiting[0]
            names = self._names(row.images)
            if names is None and not all_read:
                return
            self._waiting.popleft()
            if names is None:
                named = next(one.index for one in row.images if isinstance(one, _OfRow) and not self._names((one,)))
                self._refuse(row.place, f"the image {named!r} is no base64 picture and no index of a row with one")
            elif not names:
                self._without_image += 1
            else:
                self._ask(row.question, names)

    def _names(self, images: _Images) -> tuple[str, ...] | None:
        """The names of images, those of other rows looked up; ``None`` if such a row has none or was not read yet.

        As in VLMEvalKit, the images of a row that is named are its own or those of rows before it.
        """
        names: list[str] = []
        for image in images:
            of_row = (image,) if isinstance(image, _Kept) else self._images.get(image.index, ())
            found = [one.name for one in of_row if isinstance(one, _Kept)]
            if not found or len(found) < len(of_row):
                return None
            names += found
        return tuple(names)

    def _ask(self, question: Question, images: tuple[str, ...]) -> None:
        question = replace(question, unit=self._suite.unit(question, images))
        if self._reached and question.unit not in self._units:
            return
        self._units.add(question.unit)
        self._writer.add(asdict(question), images)

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
        self._ask_waiting(all_read=True)
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
