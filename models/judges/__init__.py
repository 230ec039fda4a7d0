"""Judges tell how far a painting is from its original: the eyes of the self-critique filter.

A new judge is a file beside this one and a line in ``JUDGES``.
"""

from collections.abc import Callable

from models.judges.features import check_features, load_features
from models.judges.pixels import load_pixels
from models.registry import look_up
from models.roles import Judge
from viper.errors import ModelError

JUDGES: dict[str, Callable[[str, str, str], Judge]] = {
    "pixels": load_pixels,
    "features": load_features,
}
"""What loads each kind of judge, from folder or hub name of its model, revision and torch device."""

CHECKS: dict[str, Callable[[str, str], None]] = {"features": check_features}
"""What looks at a judge's model before any work, without its weights, from its folder or hub name and revision."""


def find_judge(kind: str) -> Callable[[str, str, str], Judge]:
    """What loads a judge of this kind.

    Raises:
        ModelError: There is no such kind; the nearest known one is given.
    """
    return look_up(JUDGES, kind, "judge", ModelError)
