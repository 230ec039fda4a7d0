"""Nested training state as JSON and safetensors: what optimizers, schedulers and random generators save as pickles.

The skeleton is JSON. Plain integers, strings, booleans and None stand for themselves; everything else is an object
with one key that names its type. Floats are written in hexadecimal, so every value comes back bit by bit.
"""

from typing import Any

from viper.errors import StoreError


def pack_state(state: object) -> tuple[Any, dict[str, Any]]:
    """Split ``state`` into a JSON skeleton and its tensors.

    Args:
        state: Nested dicts, lists and tuples of tensors, NumPy arrays, numbers, strings, bytes and None.

    Returns:
        The skeleton, and name → tensor for ``safetensors.torch.save_file``.

    Raises:
        StoreError: If something inside has another type.
    """
    tensors: dict[str, Any] = {}
    return _pack(state, tensors, set(), "state"), tensors


def unpack_state(skeleton: Any, tensors: dict[str, Any]) -> Any:
    """The state that ``pack_state`` split, equal in every type and bit. Tensors are on the CPU.

    Raises:
        StoreError: If the skeleton was not made by ``pack_state``.
    """
    if skeleton is None or isinstance(skeleton, bool | int | str):
        return skeleton
    if not isinstance(skeleton, dict) or len(skeleton) != 1:
        raise StoreError(f"{str(skeleton)[:80]!r} is no part of a packed training state. Use an older checkpoint.")
    ((kind, value),) = skeleton.items()
    if kind in {"list", "tuple"}:
        items = (unpack_state(item, tensors) for item in value)
        return list(items) if kind == "list" else tuple(items)
    if kind in {"dict", "ordered"}:
        from collections import OrderedDict

        pairs = [(unpack_state(name, tensors), unpack_state(item, tensors)) for name, item in value]
        return dict(pairs) if kind == "dict" else OrderedDict(pairs)
    return _unpack_leaf(kind, value, tensors)


def _pack(value: Any, tensors: dict[str, Any], storages: set[int], where: str) -> Any:
    import numpy
    import torch

    exact = type(value)
    if value is None or exact in {bool, int, str}:
        return value
    if exact is float:
        return {"float": value.hex()}
    if exact is bytes:
        return {"bytes": value.hex()}
    if exact in {list, tuple}:
        packed = [_pack(item, tensors, storages, f"{where}[{number}]") for number, item in enumerate(value)]
        return {exact.__name__: packed}
    if isinstance(value, dict):
        kind = "ordered" if exact.__name__ == "OrderedDict" else "dict"
        return {
            kind: [
                [_pack(name, tensors, storages, where), _pack(item, tensors, storages, f"{where}[{name!r}]")]
                for name, item in value.items()
            ]
        }
    if isinstance(value, torch.Tensor):
        return {"tensor": _keep(value, tensors, storages)}
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "biuf":
        return {"array": _keep(torch.from_numpy(numpy.ascontiguousarray(value)), tensors, storages)}
    if isinstance(value, numpy.generic) and value.dtype.kind in "biuf":
        return {"number": [value.dtype.str, value.tobytes().hex()]}
    raise StoreError(
        f"{where} is a {exact.__module__}.{exact.__qualname__}, which a checkpoint cannot hold without pickle. "
        "Expected tensors, arrays, numbers, strings, lists, tuples and dicts."
    )


def _keep(tensor: Any, tensors: dict[str, Any], storages: set[int]) -> str:
    tensor = tensor.detach().cpu().contiguous()
    # safetensors refuses two tensors in one memory; after reading them back they would not share it anyway.
    storage = tensor.untyped_storage()
    if storage.data_ptr() in storages or storage.nbytes() != tensor.nbytes:
        tensor = tensor.clone()
    storages.add(tensor.untyped_storage().data_ptr())
    name = f"{len(tensors):06d}"
    tensors[name] = tensor
    return name


def _unpack_leaf(kind: str, value: Any, tensors: dict[str, Any]) -> Any:
    import numpy

    try:
        if kind == "float":
            return float.fromhex(value)
        if kind == "bytes":
            return bytes.fromhex(value)
        if kind == "tensor":
            return tensors[value]
        if kind == "array":
            return tensors[value].numpy()
        if kind == "number":
            return numpy.frombuffer(bytes.fromhex(value[1]), dtype=value[0])[0]
    except (KeyError, ValueError, TypeError) as error:
        raise StoreError(f"The packed training state has a broken {kind}: {error}. Use an older checkpoint.") from error
    raise StoreError(f"{kind!r} is no part of a packed training state. Use an older checkpoint.")
