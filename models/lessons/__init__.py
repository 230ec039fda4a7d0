"""ViPER's tasks (arXiv 2510.24285), as lessons. A new lesson is a file beside this one and a line in ``LESSONS``."""

from models.lessons.csr import Csr
from models.lessons.lesson import Lesson
from models.lessons.vop import Vop
from models.registry import look_up
from viper.errors import ProfileError

LESSONS: dict[str, Lesson] = {
    "csr": Csr(),
    "vop": Vop(),
}
"""The lessons by the name that a profile gives them."""


def find_lesson(name: str) -> Lesson:
    """The lesson of this name.

    Raises:
        ProfileError: There is none; the nearest name is given.
    """
    return look_up(LESSONS, name, "lesson", ProfileError)
