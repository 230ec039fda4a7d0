"""Settings in the form that they had before stages became tables: what to write in their place.

The old form is not read, since a person should see what their profile means now; but the new text is made from the
values that are found, ready to paste.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viper.settings import FilterSettings, GrpoStage
from viper.tables import Unknown, as_toml, names_of

_TASKS = {"csr": ["csr"], "vop": ["vop"], "mixed": ["csr", "vop"]}
"""Lessons of the stages of the old form; with ``-sft`` behind the name, a stage was supervised."""


_IN_NOISE = {
    "min_gain": "min_gain_noise",
    "min_agreement": "min_explained_alone",
    "max_faithful_distance": "max_residual_noise",
    "min_edit_change": "min_edit_noise",
    "max_edit_spill": "max_spill_noise",
}
"""Settings of the filter in pixels and shares of seeds, and what decides in their place."""


@dataclass(frozen=True)
class Change:
    """One thing to write in another way."""

    old: str
    """What is found, in words or as written."""
    path: str
    """Where the new value stands, its parts separated by dots."""
    value: object
    """The new value; a list of mappings is one table each."""

    def as_profile(self) -> str:
        """Lines of a profile, under a comment that says what they replace."""
        tables = [table for table in self._items() if isinstance(table, Mapping)]
        if tables:
            head = f"[[{self.path}]]" if isinstance(self.value, list) else f"[{self.path}]"
            texts = ["\n".join([head, *(f"{key} = {as_toml(item)}" for key, item in one.items())]) for one in tables]
            return f"# in place of {self.old}\n" + "\n\n".join(texts)
        section, _, key = self.path.rpartition(".")
        inside = f" in [{section}]" if section else ""
        return f"# in place of {self.old}{inside}\n{key} = {as_toml(self.value)}"

    def _items(self) -> list[object]:
        return self.value if isinstance(self.value, list) else [self.value]

    def as_option(self) -> str:
        """An option of the command line, and what it replaces."""
        return f"--set {shlex.quote(f'{self.path}={as_toml(self.value)}')}   # in place of {self.old}"


def find_changes(values: Mapping[str, object], stages: Sequence[object] = ()) -> list[Change]:
    """What must be written otherwise in these values; empty if they are in the form of today.

    Args:
        values: A profile as it was read.
        stages: Tables of stages whose values hold where ``values`` says nothing.
    """
    synthesis, training = values.get("synthesis"), values.get("training")
    changes = _filter_changes(values.get("filter"))
    if "prompts" in values:
        changes.append(Change(f"prompts = {as_toml(values['prompts'])}", "world", values["prompts"]))
    if "distance" in values:
        changes.append(Change(f"distance = {as_toml(values['distance'])}", "judge", _judge(values)))
    if isinstance(synthesis, Mapping) and synthesis.get("writer") == "grammar":
        changes.append(Change('writer = "grammar"', "synthesis.writer", "rules"))
    return changes + (_training_changes(training, stages) if isinstance(training, Mapping) else [])


def _filter_changes(section: object) -> list[Change]:
    """Thresholds in pixels: those in units of the painter's noise have other values, so today's defaults are given."""
    if not isinstance(section, Mapping):
        return []
    found = [(old, new) for old, new in _IN_NOISE.items() if old in section]
    return [
        Change(f"{old} = {as_toml(section[old])}", f"filter.{new}", FilterSettings.model_fields[new].default)
        for old, new in found
    ]


def _judge(values: Mapping[str, object]) -> dict[str, object]:
    judge: dict[str, object] = {"kind": "pixels"}
    if values["distance"] != "pixels":
        judge = {"kind": "features", "path": values["distance"]}
    models = values.get("models")
    painter = models.get("painter") if isinstance(models, Mapping) else None
    if isinstance(painter, Mapping) and "device" in painter:
        judge["device"] = painter["device"]  # the image model was on the painter's device
    return judge


def _training_changes(training: Mapping[str, object], stages: Sequence[object]) -> list[Change]:
    sections = [f"[training.{name}]" for name in ("csr", "vop", "sft") if name in training]
    found = training.get("stages", [])
    named = [found] if isinstance(found, str) else found if isinstance(found, list | tuple) else []
    if named and not any(isinstance(one, str) for one in named):
        return [change for name in ("csr", "vop", "sft") for change in _loose(name, training.get(name), named)]
    if not named and not sections:
        return []
    names = [one for one in named if isinstance(one, str)] or ["csr", "vop"]
    said = f"training.stages = {as_toml(list(named))}" if named else ""
    tables = [_table(name, training, stages) for name in names]
    changes = [Change(" with ".join(filter(None, [said, ", ".join(sections)])), "training.stages", tables)]
    if isinstance(sizes := training.get("sft"), Mapping) and sizes:
        changes.append(Change("[training.sft] in ablations", "ablation.sft", dict(sizes)))
    return changes


def _loose(name: str, sizes: object, stages: Sequence[object]) -> list[Change]:
    """Values of a section of the old form beside stages of today's: set one by one on the command line."""
    place = "ablation.sft" if name == "sft" else f"training.stages.{name if name in names_of(stages) else 'NAME'}"
    if isinstance(sizes, Mapping):
        return [Change(f"training.{name}.{key}", f"{place}.{key}", value) for key, value in sizes.items()]
    return [] if sizes is None else [Change(f"training.{name}", place, sizes)]


def _table(old_name: str, training: Mapping[str, object], stages: Sequence[object]) -> dict[str, object]:
    task, _, kind = old_name.partition("-")
    objective = {"": "grpo", "sft": "sft"}.get(kind, Unknown())
    head: dict[str, object] = {"objective": objective, "lessons": _TASKS.get(task, [task])}
    if objective == "sft":
        sizes = _sizes("sft", training, stages)
    else:
        csr, vop = _sizes("csr", training, stages), _sizes("vop", training, stages)
        sizes = {"csr": csr, "vop": vop, "mixed": vop | _together(csr, vop)}.get(task, {})
    table = head | {key: value for key, value in sizes.items() if key not in (*head, "name")}
    if objective != "sft":
        needed = [key for key, field in GrpoStage.model_fields.items() if field.is_required() and key not in table]
        table |= {key: Unknown() for key in needed}
    return table


def _sizes(name: str, training: Mapping[str, object], stages: Sequence[object]) -> dict[str, object]:
    """Values of a section of the old form, and those of the stage of its name where it says nothing."""
    found: dict[str, object] = {}
    for stage, stage_name in zip(stages, names_of(stages), strict=True):
        if isinstance(stage, Mapping) and stage_name == name and stage.get("objective") == "grpo":
            found |= stage
    written = training.get(name)
    return found | dict(written) if isinstance(written, Mapping) else found


def _together(csr: Mapping[str, object], vop: Mapping[str, object]) -> dict[str, object]:
    """A mixed stage took the steps of both tasks, and the longer rollouts."""
    found: dict[str, object] = {}
    for key in ("steps", "max_completion_tokens"):
        one, other = csr.get(key), vop.get(key)
        if isinstance(one, int) and isinstance(other, int):
            found[key] = one + other if key == "steps" else max(one, other)
    return found
