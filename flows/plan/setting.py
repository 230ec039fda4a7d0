"""The setting of a rehearsal: the same profile, its models and suites as folders of the small files that it reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from typing_extensions import override

from flows.cut import Cut
from flows.identities import Identities
from models.locations import is_hub_name
from models.sizes.descriptions import Description, describe
from models.worlds import find_suite, world_of
from viper.records import ModelRef
from viper.settings import Settings

ROLES = ("vlm", "painter", "editor", "similarity")


class Named(Identities):
    """Models by their names: a rehearsal compares no weights, so nothing is hashed and no hub is asked."""

    def __init__(self) -> None:
        super().__init__({})

    @override
    def at(self, name: str, path: str, revision: str) -> ModelRef:
        return ModelRef(name=name, settings_path=path, fingerprint=f"{path}@{revision}")


@dataclass(frozen=True)
class Setting:
    """What a rehearsal walks through."""

    cut: Cut
    described: dict[str, Description]
    """Of the models, by role; of the judge, if it has one."""
    asked: Settings
    """As the profile says it, with the models' own names."""


@contextmanager
def set_up(settings: Settings) -> Iterator[Setting]:
    """The setting of a profile's rehearsal; its folders are gone afterwards.

    Raises:
        ModelError: A model is not there, or nothing is known of its size.
        SuiteError: A suite is unknown.
    """
    with TemporaryDirectory(prefix="viper-plan-") as folder:
        scratch = Path(folder)
        models = {role: getattr(settings.models, role) for role in ROLES}
        described = {role: describe(model.path, model.revision, scratch) for role, model in models.items()}
        judge = settings.judge
        if judge.path:
            described["judge"] = describe(judge.path, judge.revision, scratch)
            judge = judge.model_copy(update={"path": str(described["judge"].folder)})
        local = {
            role: model.model_copy(update={"path": str(described[role].folder)} if is_hub_name(model.path) else {})
            for role, model in models.items()
        }
        benchmarks = settings.benchmarks.model_copy(update={"folder": _suites(settings, scratch / "suites")})
        placed = {"models": settings.models.model_copy(update=local), "judge": judge, "benchmarks": benchmarks}
        yield Setting(Cut(settings.model_copy(update=placed), Named()), described, settings)


def _suites(settings: Settings, folder: Path) -> str:
    """Where the walk finds the suites: each as a file with its header alone, unless a world draws them."""
    if world_of(settings.benchmarks.folder) is not None:
        return settings.benchmarks.folder
    folder.mkdir()
    for name in settings.benchmarks.suites:
        suite = find_suite(name)
        (folder / f"{suite.name}.tsv").write_text("\t".join(suite.columns) + "\n", encoding="utf-8")
    return str(folder)
