"""Named arrays as bytes and back, without pickle.

For a hundred small arrays, NumPy's own zip archives take longer than solving what is in them.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ALIGNED = 8  # bytes: each array begins at a multiple, and so is read where it lies


def pack(arrays: Mapping[str, ArrayLike]) -> bytes:
    """Return a line of JSON, [[name, type, shape], ...], and then each array's bytes in C order.

    Raises:
        ValueError: an array of objects, which could only be read by running what it says.

    """
    given = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in given.items():
        _refuse_objects(name, array.dtype)
    header = json.dumps([(name, each.dtype.str, each.shape) for name, each in given.items()])
    line = header.encode() + b"\n"
    return b"".join([line.rjust(_padded(len(line))), *map(_bytes, given.values())])


def unpack(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays that `pack` wrote, read-only views of `content`.

    Raises:
        ValueError: an array of objects, or bytes that are missing.

    """
    start = content.index(b"\n") + 1
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, shape in json.loads(content[:start]):
        _refuse_objects(name, np.dtype(kind))
        try:
            arrays[name] = np.ndarray(shape, kind, content, start)
        except TypeError as error:
            raise ValueError(f"the bytes of {name} are missing") from error
        start += _padded(arrays[name].nbytes)
    return arrays


def _refuse_objects(name: str, kind: np.dtype[Any]) -> None:
    if kind.hasobject:
        raise ValueError(f"{name} holds objects")


def _bytes(array: NDArray[Any]) -> bytes:
    return array.tobytes().ljust(_padded(array.nbytes), b"\0")


def _padded(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
