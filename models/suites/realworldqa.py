"""RealWorldQA (xAI): 765 questions on photos, most from vehicles; option letters, open answers by exact text."""

from models.suites.suite import Suite


class RealWorldQA(Suite):
    """The hub's questions list their options themselves, and are asked as they stand."""

    name = "RealWorldQA"
    rows = 765
    hub = "lmms-lab-encoder/RealWorldQA"
    hub_files = "*test-*.parquet"
