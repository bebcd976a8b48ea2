"""Arrays come back from their bytes as they were; objects and bytes cut short are refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from optimizer.arrays import ALIGNED, pack, unpack

ARRAYS: dict[str, NDArray[Any]] = {
    "flags": np.array([True, False, True]),
    "numbers": np.arange(6, dtype=np.int64).reshape(2, 3),
    "across": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    "nothing": np.zeros((0, 3), dtype=np.int64),
    "one": np.asarray(7),
    "names": np.array(["mask", "口罩", ""]),
    "no names": np.array([], dtype=np.str_),
}


@given(st.permutations(list(ARRAYS)), st.integers(0, len(ARRAYS)))
def test_arrays_survive_their_bytes(names: list[str], count: int) -> None:
    given = {name: ARRAYS[name] for name in names[:count]}
    found = unpack(pack(given))
    assert list(found) == list(given)
    for name, array in given.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tolist() == array.tolist()


def test_every_array_lies_where_its_type_is_read_at_once() -> None:
    content = pack(ARRAYS)
    assert len(content) % ALIGNED == 0
    assert all(array.flags.aligned for array in unpack(content).values())


def test_objects_are_refused_on_both_sides() -> None:
    with pytest.raises(ValueError, match="things holds objects"):
        pack({"things": np.array([object()])})
    with pytest.raises(ValueError, match="things holds objects"):
        unpack(b'[["things","|O",[1]]]\n' + bytes(8))


@pytest.mark.parametrize("cut", [1, 8, 24])
def test_bytes_cut_short_are_refused(cut: int) -> None:
    content = pack({"flags": ARRAYS["flags"], "numbers": np.arange(2)})
    with pytest.raises(ValueError, match=r"the bytes of (flags|numbers) are missing"):
        unpack(content[:-cut])
