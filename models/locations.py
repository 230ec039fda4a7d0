"""Where models lie, and what decides their weights: embedded models, folders, hub names."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from models.pickles import refuse_pickles
from models.worlds import world_of
from viper.errors import ModelError

_COMMIT = re.compile(r"[0-9a-f]{40}")
MODEL, PIPELINE = "config.json", "model_index.json"
_KINDS = {MODEL: "a model of transformers", PIPELINE: "a pipeline of diffusers"}
_REFUSED = (401, 403, 404)
"""Answers of a hub that is there: the model or the revision is not, or not for this user."""


def resolve(path: str) -> str:
    """A folder or hub name that ``from_pretrained`` takes.

    ``WORLD:NAME``, such as ``shapes:vlm``, is an embedded model. Anything that starts with ``.`` or ``/`` must exist;
    other names are left to the hub.

    Raises:
        ModelError: There is no such folder or embedded model, or a pickle lies in the folder.
    """
    if (world := world_of(path)) is not None:
        return str(world.model_folder(path.partition(":")[2]))
    if os.path.isdir(path):  # false also for what no file system takes
        refuse_pickles(Path(path))
    elif path.startswith((".", "/", "~")) or os.path.exists(path):
        found = f"{path} is a file" if os.path.exists(path) else f"There is no folder {path}"
        raise ModelError(f"{found}. Give a folder with a saved model, its path written out, or a hub name.")
    return path


def check_kind(what: str, path: str, revision: str, description: str) -> None:
    """Make sure that a model describes itself in the file that its kind has, without loading it.

    Args:
        what: The setting that names the model, such as ``models.painter``.
        path: As for ``resolve``.
        revision: On the hub; ignored for folders.
        description: ``model_index.json`` of a pipeline, ``config.json`` of any other model.

    Raises:
        ModelError: It does not: there is nothing, or a model of another kind.
    """
    if read_description(path, revision, description):
        return
    found = "it has none"
    if not is_hub_name(path):
        other = PIPELINE if description == MODEL else MODEL
        folder = Path(resolve(path))
        found = "the folder is empty" if not any(folder.iterdir()) else found
        found = f"it has {other}, as {_KINDS[other]} has" if (folder / other).is_file() else found
    raise ModelError(
        f"{what}.path is {path!r}, but {found}. Expected {_KINDS[description]}, saved with its {description}. Give the "
        "folder or hub name of one."
    )


def is_hub_name(path: str) -> bool:
    """Whether a path is left to the hub: no world's address and no folder."""
    return world_of(path) is None and not path.startswith((".", "/", "~")) and not os.path.exists(path)


def read_description(path: str, revision: str, name: str) -> dict[str, Any]:
    """A JSON object of a model, read without loading the model; empty if it has no such file.

    Args:
        path: As for ``resolve``.
        revision: On the hub; ignored for folders.
        name: Of the file, such as ``model_index.json``.

    Raises:
        ModelError: There is no such model, or the file is no JSON object.
    """
    described = read_json(path, revision, name)
    if described is None:
        return {}
    if not isinstance(described, dict):
        raise ModelError(f"{name} of {path} holds a {type(described).__name__}. Expected an object; fetch it again.")
    return described


def read_json(path: str, revision: str, name: str) -> Any:
    """A JSON file of a model, read without loading the model; ``None`` if it has no such file.

    Args:
        path: As for ``resolve``.
        revision: On the hub; ignored for folders.
        name: Of the file, such as ``modules.json``.

    Raises:
        ModelError: There is no such model, or the file is no JSON.
    """
    import httpx2
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, RemoteEntryNotFoundError

    location = resolve(path)
    try:
        file = Path(location) / name
        if is_hub_name(path):
            file = Path(huggingface_hub.hf_hub_download(location, name, revision=revision))
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except RemoteEntryNotFoundError:
        return None
    except (OSError, ValueError, HFValidationError, httpx2.HTTPError) as error:
        remedy = "Log in with `hf auth login`, and ask for access on the model's page." if _is_refusal(error) else ""
        raise ModelError(f"{name} of {path} cannot be read: {error} {remedy or 'Check path and revision.'}") from error


def fingerprint(path: str, revision: str) -> str:
    """What decides a model's weights: a hash over a folder's files, or the name and commit of a hub model.

    Args:
        path: As for ``resolve``.
        revision: The commit of a hub model, as ``resolve_commit`` gives it; ignored for folders.

    Raises:
        ModelError: There is no such folder or embedded model.
    """
    location = resolve(path)
    folder = Path(location)
    if not folder.is_dir():
        return f"{location}@{revision}"
    digest = hashlib.sha256()
    for file in sorted(one for one in folder.rglob("*") if one.is_file() and one.suffix != ".md"):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def resolve_commit(name: str, revision: str) -> str:
    """The commit that a revision of a hub model means now, 40 hex digits.

    Where the hub cannot be reached, it is the commit that the revision meant when the model was fetched last.

    Args:
        name: Hub name, such as ``Qwen/Qwen2.5-VL-3B-Instruct``.
        revision: A branch, a tag or a commit.

    Raises:
        ModelError: The hub knows no such model or revision, or it cannot be reached and nothing was fetched before.
    """
    if _COMMIT.fullmatch(revision):
        return revision
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    try:
        commit = HfApi().model_info(name, revision=revision).sha
    except HFValidationError as error:
        raise ModelError(f"{name!r} is neither a folder nor a name on the hub: {error}") from error
    except (OSError, httpx2.HTTPError) as error:
        if _is_refusal(error):
            raise ModelError(
                f"The hub has no revision {revision!r} of {name} for you: {error} Check path and revision, or log in "
                "with `hf auth login` if the model is gated."
            ) from error
        return _fetched_commit(name, revision, error)
    if commit is None:
        raise ModelError(f"The hub names no commit of {name}@{revision}. Give a commit as the revision.")
    return commit


def hub_files(name: str, commit: str) -> frozenset[str]:
    """Names of the files of a hub model; where the hub cannot be reached, of those that were fetched.

    Args:
        name: Hub name.
        commit: As ``resolve_commit`` gives it.

    Raises:
        ModelError: The hub refuses to list them.
    """
    import httpx2
    from huggingface_hub import HfApi

    try:
        listed = HfApi().model_info(name, revision=commit).siblings or []
    except (OSError, httpx2.HTTPError) as error:
        if _is_refusal(error):
            raise ModelError(f"The hub does not list the files of {name}@{commit}: {error}") from error
        folder = _cache_of(name) / "snapshots" / commit
        return frozenset(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return frozenset(file.rfilename for file in listed)


def _is_refusal(error: Exception) -> bool:
    """Whether the hub answered, and said no."""
    from huggingface_hub.errors import HfHubHTTPError

    answer = error.response if isinstance(error, HfHubHTTPError) else None
    return answer is not None and answer.status_code in _REFUSED


def _cache_of(name: str) -> Path:
    """The folder in which the hub's client keeps a model."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model")


def _fetched_commit(name: str, revision: str, reason: Exception) -> str:
    """The commit that the local cache keeps for a revision."""
    ref = _cache_of(name) / "refs" / revision
    commit = ref.read_text().strip() if ref.is_file() else ""
    if not _COMMIT.fullmatch(commit):
        raise ModelError(
            f"The hub cannot be reached ({reason}), and revision {revision!r} of {name} was not fetched before ({ref} "
            f"holds no commit). Connect once, run `hf download {name} --revision {revision}`, or give a folder."
        ) from reason
    return commit
