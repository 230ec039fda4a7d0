"""Which code runs: a part of the lineage of data, and of the identity of training checkpoints."""

import functools
import hashlib
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("flows", "tasks", "models", "storage", "viper")


@functools.cache
def code_version() -> str:
    """The project's version and the code's, such as ``0.1.0+2bdd7e1a90f3``.

    The code's version is ``VIPER_COMMIT``, which an image sets; else the last commit that changed a file of a room, so
    that a commit to documents or tests is no change of code. Where files differ from it, ``.changed-`` and a hash over
    them follows; where there is no commit, ``files-`` and that hash is all.
    """
    from viper import __version__

    return f"{__version__}+{os.environ.get('VIPER_COMMIT') or version_of(ROOT)}"


def version_of(root: Path) -> str:
    """The version of the code in the rooms under ``root``."""
    commit = _git(root, "log", "-1", "--format=%H", "--", *ROOMS)
    if not commit:
        return f"files-{_hash_of_files(root)}"
    changed = _git(root, "status", "--porcelain", "--", *ROOMS) != ""
    return f"{commit[:12]}.changed-{_hash_of_files(root)}" if changed else commit[:12]


def _git(root: Path, *arguments: str) -> str | None:
    """What git says, or None where ``root`` is no checkout that it can read."""
    if not (root / ".git").exists():
        return None
    try:
        said = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return said.stdout.strip() if said.returncode == 0 else None


def _hash_of_files(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (root / room).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
