"""What files a model has, in its folder or on the hub, and whether they are whole. No weight is read."""

import json
from dataclasses import dataclass
from pathlib import Path

from models.locations import hub_files, is_hub_name, read_description, resolve
from viper.errors import ModelError

TRANSFORMERS, DIFFUSERS = "model", "diffusion_pytorch_model"
"""Names of the files of weights that each library writes, without their ending."""
TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model")
"""Files of which a tokenizer has at least one."""
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
"""Files of which a processor has at least one."""
TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model")
"""Files of which a tokenizer has at least one."""
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
"""Files of which a processor has at least one."""


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model."""

    what: str
    """The setting that names the model, such as ``models.painter.path``."""
    path: str
    """As for ``models.locations.resolve``."""
    revision: str
    """On the hub; ignored for folders."""
    names: frozenset[str]
    """Of all files, with the folders that they lie in."""

    def need(self, *names: str) -> None:
        """Make sure that one of these files is there.

        Raises:
            ModelError: None is.
        """
        if self.names.isdisjoint(names):
            raise ModelError(
                f"{self.what} is {self.path!r}, which has no {' or '.join(names)}. Fetch the model anew, or save it "
                "again with save_pretrained."
            )

    def need_weights(self, stem: str = TRANSFORMERS, part: str = "") -> None:
        """Make sure that weights are there, in one file or in all that an index names.

        Args:
            stem: Name of the files.
            part: Folder of the component that they are of.

        Raises:
            ModelError: A file is not there.
        """
        folder = f"{part}/" if part else ""
        whole, index = f"{folder}{stem}.safetensors", f"{folder}{stem}.safetensors.index.json"
        if whole not in self.names and index in self.names:
            named = read_description(self.path, self.revision, index).get("weight_map")
            if not isinstance(named, dict) or not named:
                raise ModelError(f"{index} of {self.path} names no file of weights. Fetch the model anew.")
            for name in sorted(set(named.values())):
                self.need(f"{folder}{name}")
        else:
            self.need(whole)


def files_of(what: str, path: str, revision: str) -> ModelFiles:
    """The files of a model; those of a folder are looked at: JSON must be JSON, and weights as long as they say.

    Args:
        what: The setting that names the model, such as ``models.painter.path``.
        path: As for ``models.locations.resolve``.
        revision: On the hub; ignored for folders.

    Raises:
        ModelError: There is no such model, or a file is damaged.
    """
    location = resolve(path)
    if is_hub_name(path):
        return ModelFiles(what, path, revision, hub_files(location, revision))
    folder = Path(location)
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    for name, file in sorted(files.items()):
        if fault := _fault(file):
            raise ModelError(f"{name} of {path} ({what}) {fault} Fetch it anew, or save the model again.")
    return ModelFiles(what, path, revision, frozenset(files))


def _fault(file: Path) -> str:
    """What is wrong with a file; empty if nothing is."""
    try:
        if file.suffix == ".json":
            json.loads(file.read_bytes())
        elif file.suffix == ".safetensors":
            return _fault_of_weights(file)
    except OSError as error:
        return f"cannot be read: {error.strerror}."
    except ValueError as error:
        return f"is no JSON: {error}."
    return ""


def _fault_of_weights(file: Path) -> str:
    """By the form of safetensors: 8 bytes that say how long the header is, a header that says where tensors end."""
    size = file.stat().st_size
    with file.open("rb") as content:
        header_bytes = int.from_bytes(content.read(8), "little")
        if size < 8 or header_bytes > size - 8:
            return f"has {size:,} bytes and is cut off in its header."
        try:
            header = json.loads(content.read(header_bytes)).items()
            ends = [tensor["data_offsets"][1] for name, tensor in header if name != "__metadata__"]
        except (ValueError, AttributeError, KeyError, TypeError, IndexError):
            return "has no header of safetensors."
    expected = 8 + header_bytes + max(ends, default=0)
    return "" if size == expected else f"has {size:,} bytes, but its header says {expected:,}."
