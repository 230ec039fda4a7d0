"""Every suite by name. A new one is a file beside this one and a line in ``PHOTOGRAPHS``."""

import difflib
from collections.abc import Iterable

from models.suites.blink import Blink
from models.suites.crpe import CrpeExist, CrpeRelation
from models.suites.embedded import CaptionFidelity, Embedded
from models.suites.hallusionbench import HallusionBench
from models.suites.mantis_eval import MantisEval
from models.suites.mme_realworld import MMERealWorld
from models.suites.mmstar import MMStar
from models.suites.realworldqa import RealWorldQA
from models.suites.suite import Suite
from viper.errors import SuiteError

PHOTOGRAPHS: tuple[Suite, ...] = (
    MMStar(),
    RealWorldQA(),
    MMERealWorld(),
    Blink(),
    MantisEval(),
    HallusionBench(),
    CrpeExist(),
    CrpeRelation(),
)
"""The suites of published benchmarks."""

EMBEDDED: tuple[Suite, ...] = (
    *map(
        Embedded,
        ("coarse_perception", "fine_perception", "instance_reasoning", "multi_image", "hallucination", "counting"),
    ),
    CaptionFidelity(),
)
"""The embedded world's."""


def find_suite(name: str, among: Iterable[Suite] = (*PHOTOGRAPHS, *EMBEDDED)) -> Suite:
    """The suite of this name, whatever its case, with dashes or underscores.

    Raises:
        SuiteError: There is none; the nearest name is given.
    """
    known = {_plain(suite.name): suite for suite in among}
    if (found := known.get(_plain(name))) is not None:
        return found
    near = difflib.get_close_matches(_plain(name), known, 1)
    hint = f"Did you mean {known[near[0]].name!r}? " if near else ""
    listed = ", ".join(suite.name for suite in known.values())
    raise SuiteError(f"Unknown suite {name!r}. {hint}Known here: {listed}.")


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")
