"""What the models of an evolution are: folders by the hash of their files, hub models by the commit that was meant.

A revision such as ``main`` is resolved once, when the evolution first asks, and kept with its request: every machine
and every resume mean the same weights.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from models.locations import fingerprint, is_hub_name, resolve_commit
from viper.errors import ModelError
from viper.records import ModelRef
from viper.settings import DiffusionSettings, ModelSettings, Settings


def resolve_commits(settings: Settings, known: Mapping[str, str]) -> dict[str, str]:
    """The commits of all hub models of a profile, by ``name@revision``.

    Args:
        settings: Of the evolution.
        known: Commits that the evolution resolved before; they stand.

    Raises:
        ModelError: The hub does not know a model or revision, or does not answer and no copy is here.
    """
    models = settings.models
    named = [(model.path, model.revision) for model in (models.vlm, models.painter, models.editor, models.similarity)]
    named += [(one.lora, one.lora_revision) for one in (models.painter, models.editor) if one.lora]
    named += [(settings.judge.path, settings.judge.revision)] if settings.judge.path else []
    return {
        marked: known.get(marked) or resolve_commit(path, revision)
        for path, revision in named
        if is_hub_name(path)
        for marked in [f"{path}@{revision}"]
    }


def at_commits(settings: Settings, commits: Mapping[str, str]) -> Settings:
    """The settings with the commits of hub models as their revisions.

    Args:
        settings: Of the evolution.
        commits: As ``resolve_commits`` gives them.
    """

    def pinned(model: ModelSettings) -> ModelSettings:
        changes = {"revision": commits.get(f"{model.path}@{model.revision}", model.revision)}
        if isinstance(model, DiffusionSettings) and model.lora:
            changes["lora_revision"] = commits.get(f"{model.lora}@{model.lora_revision}", model.lora_revision)
        return model.model_copy(update=changes)

    models = settings.models
    named = {name: pinned(getattr(models, name)) for name in ("vlm", "painter", "editor", "similarity")}
    of_judge = commits.get(f"{settings.judge.path}@{settings.judge.revision}", settings.judge.revision)
    judge = settings.judge.model_copy(update={"revision": of_judge})
    return settings.model_copy(update={"models": models.model_copy(update=named), "judge": judge})


class Identities:
    """Fingerprints, each computed once.

    Args:
        commits: Of hub models, by ``name@revision``.
    """

    def __init__(self, commits: Mapping[str, str]) -> None:
        self._commits = dict(commits)
        self._known: dict[tuple[str, str], str] = {}

    def of(self, name: str, settings: ModelSettings) -> ModelRef:
        """The model that a profile names. Raises as ``at``."""
        return self.at(name, settings.path, settings.revision)

    def at(self, name: str, path: str, revision: str) -> ModelRef:
        """The model at a path.

        Args:
            name: What people call it.
            path: Folder, hub name or address of a world's model.
            revision: On the hub; ignored for folders.

        Raises:
            ModelError: It is missing, or its commit was not resolved.
        """
        commit = self._commit(path, revision)
        if (path, commit) not in self._known:
            self._known[path, commit] = fingerprint(path, commit)
        return ModelRef(name=name, settings_path=path, revision=commit, fingerprint=self._known[path, commit])

    def with_adapter(self, base: ModelRef, folder: Path) -> ModelRef:
        """A model with the LoRA adapter in a folder.

        Raises:
            ModelError: The folder holds no adapter.
        """
        if not os.path.isfile(folder / "adapter_config.json"):
            raise ModelError(f"{folder} has no adapter_config.json. Expected a LoRA adapter as peft saves it.")
        path = str(folder.resolve())
        both = f"{base.fingerprint}+{fingerprint(path, '')}"
        return base.model_copy(update={"name": "adapter", "adapter": path, "fingerprint": both})

    def _commit(self, path: str, revision: str) -> str:
        if not is_hub_name(path):
            return ""
        marked = f"{path}@{revision}"
        if marked not in self._commits:
            self._commits[marked] = resolve_commit(path, revision)
        return self._commits[marked]
