"""The suites of published benchmarks, by name. A new one is a file beside this one and a line in ``SUITES``."""

from models.suites.blink import Blink
from models.suites.crpe import CrpeExist, CrpeRelation
from models.suites.hallusionbench import HallusionBench
from models.suites.mantis_eval import MantisEval
from models.suites.mme_realworld import MMERealWorld
from models.suites.mmstar import MMStar
from models.suites.realworldqa import RealWorldQA
from models.suites.suite import Suite

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        MMStar(),
        RealWorldQA(),
        MMERealWorld(),
        Blink(),
        MantisEval(),
        HallusionBench(),
        CrpeExist(),
        CrpeRelation(),
    )
}
