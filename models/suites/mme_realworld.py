"""MME-RealWorld, English (arXiv 2408.13257): large pictures, options A to E; accuracy, also by task and domain."""

from collections import defaultdict
from collections.abc import Sequence

from typing_extensions import override

from models.suites.suite import Cells, Reply, Suite, lettered, mean, split_label


class MMERealWorld(Suite):
    """Option letters. A category is a task and a domain, such as ``Perception/Remote Sensing``."""

    name = "MME-RealWorld"
    hub = "yifanzhang114/MME-RealWorld-Base64"
    hub_columns = ("index", "question", "multi-choice options", "bytes", "answer", "category")

    @override
    def from_hub(self, row: Cells, number: int) -> Cells:
        options = [split_label(option)[1] for option in row["multi-choice options"]]
        return {**row, "image": row["bytes"], **lettered(options)}

    @override
    def parts(self, replies: Sequence[Reply]) -> dict[str, float]:
        tasks: dict[str, list[float]] = defaultdict(list)
        for reply in replies:
            tasks[reply["category"].partition("/")[0]].append(reply["score"])
        return {name: mean(scores) for name, scores in sorted(tasks.items()) if name != "all"}
