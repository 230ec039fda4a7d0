"""The version of the code says when code changed, and only then."""

import subprocess
from pathlib import Path

import pytest

from tasks.provenance import ROOMS, version_of


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "code.py").write_text("one = 1\n")
    return tmp_path


def test_without_a_checkout_the_files_themselves_are_the_version(root: Path) -> None:
    first = version_of(root)
    assert first.startswith("files-")
    (root / "README.md").write_text("words")
    assert version_of(root) == first
    (root / "models" / "code.py").write_text("one = 2\n")
    assert version_of(root) != first


def test_a_commit_to_documents_is_no_change_of_code_and_an_edit_is(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    first = version_of(root)
    assert len(first) == 12
    (root / "README.md").write_text("words")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "words")
    assert version_of(root) == first

    (root / "flows" / "new.py").write_text("two = 2\n")
    changed = version_of(root)
    assert changed.startswith(f"{first}.changed-")
    (root / "flows" / "new.py").write_text("two = 3\n")
    assert version_of(root) not in {first, changed}
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "second")
    assert len(version_of(root)) == 12
    assert version_of(root) != first
