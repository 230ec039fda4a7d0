"""Finds pickles in model folders: a pickle runs code of whoever wrote it as soon as it is read."""

import re
import zipfile
from pathlib import Path

from viper.errors import ModelError

_SUFFIXES = {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"}
_PROTOCOL = re.compile(rb"\x80[\x02-\x05]")
_ZIP = b"PK\x03\x04"


def refuse_pickles(folder: Path) -> None:
    """Look at every file of a model folder, and read no more than its first bytes or its table of contents.

    Raises:
        ModelError: A file is a pickle by its name or by its content.
    """
    for file in sorted(folder.rglob("*")):
        if file.is_file() and _is_pickle(file):
            raise ModelError(
                f"{file.relative_to(folder)} in {folder} is a pickle, which can run code of whoever wrote it. Expected "
                "weights as .safetensors: remove the file, or save the model anew with save_pretrained."
            )


def _is_pickle(file: Path) -> bool:
    if file.suffix.lower() in _SUFFIXES:
        return True
    try:
        with file.open("rb") as content:
            head = content.read(4)
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}.") from error
    return bool(_PROTOCOL.match(head)) or (head == _ZIP and _holds_pickle(file))


def _holds_pickle(file: Path) -> bool:
    """Whether a zip file is what ``torch.save`` writes."""
    try:
        with zipfile.ZipFile(file) as archive:
            return any(Path(name).suffix in _SUFFIXES for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
