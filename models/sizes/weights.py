"""Parameters and bytes of models: from the headers of their safetensors files, or counted on the device ``meta``."""

import json
import math
import struct
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from models.locations import MODEL, PIPELINE
from models.sizes.descriptions import Description
from viper.errors import ModelError
from viper.records import Record

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of one number, by the format that a profile names."""
HEAVY = ("transformer", "unet", "text_encoder", "vae")
"""Components that have weights in every pipeline which names them."""
_STORED = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "BF16": 2, "F16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1}


class Component(Record):
    """The weights of a model, or of one component of a pipeline."""

    name: str
    """As the pipeline's folder names it; ``model`` for a whole model."""
    parameters: int
    file_bytes: int
    """Of its files, as they are downloaded."""


def components(described: Description) -> tuple[Component, ...]:
    """The weights of a model, or of every component of a pipeline that has some.

    Raises:
        ModelError: A description is missing, damaged, or of a class that transformers and diffusers do not have.
    """
    index = described.read(PIPELINE)
    if not index:
        return (_component(described.folder, "model", "transformers", ""),)
    named = {name: part for name, part in index.items() if isinstance(part, list) and part[0] is not None}
    if missing := [name for name in HEAVY if name in named and not (described.folder / name / MODEL).is_file()]:
        raise ModelError(
            f"The pipeline in {described.folder} lacks {missing[0]}/{MODEL}, so that its size cannot be counted. Fetch "
            "its small files with `hf download NAME --include '*.json'`, or save the folder again."
        )
    return tuple(
        _component(described.folder / name, name, str(library), str(kind))
        for name, (library, kind) in named.items()
        if (described.folder / name / MODEL).is_file()
    )


def _component(folder: Path, name: str, library: str, kind: str) -> Component:
    files = [file for file in sorted(folder.glob("*.safetensors")) if "." not in file.stem]
    if not files:
        return _on_meta(folder, name, library, kind)
    numbers, size = 0, 0
    for file in files:
        for tensor in _header(file).values():
            numbers += math.prod(tensor["shape"])
            size += math.prod(tensor["shape"]) * _STORED.get(tensor["dtype"], 2)
    return Component(name=name, parameters=numbers, file_bytes=size)


def _header(file: Path) -> dict[str, Any]:
    """The tensors of a safetensors file, by name: the first 8 bytes give the length of a JSON header."""
    with file.open("rb") as content:
        (length,) = struct.unpack("<Q", content.read(8))
        header: dict[str, Any] = json.loads(content.read(length))
    return {name: tensor for name, tensor in header.items() if name != "__metadata__"}


def _on_meta(folder: Path, name: str, library: str, kind: str) -> Component:
    model = on_meta(folder, library, kind)
    numbers = sum(weight.numel() for weight in model.parameters())
    stored = getattr(model.config, "dtype", None) or getattr(getattr(model.config, "text_config", None), "dtype", None)
    # Files of published models have 16 bits a number unless their description says otherwise.
    return Component(name=name, parameters=numbers, file_bytes=numbers * (4 if str(stored) == "torch.float32" else 2))


def on_meta(folder: Path, library: str = "transformers", kind: str = "") -> Any:
    """A model without weights, made from its description; models that are described alike are made once.

    Args:
        folder: With ``config.json``.
        library: That has its class, ``transformers`` or ``diffusers``.
        kind: Name of the class; empty for the one that ``config.json`` fits.

    Raises:
        ModelError: There is no such class, or the description is damaged.
    """
    import torch

    try:
        text = (folder / MODEL).read_text(encoding="utf-8")
        with torch.device("meta"):
            return _made(_Told(text, library, kind, folder))
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"{MODEL} in {folder} describes no model whose size can be counted: {error}") from error


@dataclass(frozen=True)
class _Told:
    """What decides a model without weights, wherever it was read."""

    text: str
    library: str
    kind: str
    folder: Path = field(compare=False)


@cache
def _made(told: _Told) -> Any:
    if told.library == "diffusers":
        import diffusers

        return getattr(diffusers, told.kind).from_config(json.loads(told.text))
    import transformers

    config = transformers.AutoConfig.from_pretrained(told.folder, trust_remote_code=False)
    if told.kind:
        return getattr(transformers, told.kind)(config)
    sees = type(config) in transformers.AutoModelForImageTextToText._model_mapping
    return (transformers.AutoModelForImageTextToText if sees else transformers.AutoModel).from_config(config)
