"""Numbers of pallets and parcels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.gs1 import check_digit, is_checked
from services.transport.sscc import SsccExhausted, make_sscc

PREFIXES = st.text("0123456789", min_size=4, max_size=12)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        # GS1 General Specifications, 7.9.1 (SSCC), and GS1's own examples of GTINs.
        ("37610425002123456", 9),
        ("629104150021", 3),
        ("9638507", 4),
        ("03600029145", 2),
        ("00000000000000000", 0),
    ],
)
def test_check_digits_are_those_of_the_standard(digits: str, expected: int) -> None:
    assert check_digit(digits) == str(expected)


def test_a_number_has_its_parts_in_order() -> None:
    assert make_sscc("9521234", 1) == "095212340000000013"
    assert make_sscc("7610425", 2123456, 3) == "376104250021234569"


@given(PREFIXES, st.data())
def test_every_number_checks_and_no_two_are_alike(prefix: str, data: st.DataObject) -> None:
    serials = st.integers(0, 10 ** (16 - len(prefix)) - 1)
    one, other = data.draw(serials), data.draw(serials)
    extension = data.draw(st.integers(0, 9))
    first = make_sscc(prefix, one, extension)
    assert is_checked(first)
    assert first[1 : 1 + len(prefix)] == prefix
    assert (first == make_sscc(prefix, other, extension)) == (one == other)


@given(PREFIXES, st.integers(0, 9999), st.integers(0, 17), st.integers(1, 9))
def test_a_wrong_digit_is_noticed(prefix: str, serial: int, at: int, by: int) -> None:
    sscc = make_sscc(prefix, serial)
    slip = sscc[:at] + str((int(sscc[at]) + by) % 10) + sscc[at + 1 :]
    assert not is_checked(slip)


def test_what_is_no_number_is_refused() -> None:
    for prefix in ("", "123", "1234567890123", "12a4", "１２３４"):
        with pytest.raises(ValueError, match="company prefix"):
            make_sscc(prefix, 1)
    with pytest.raises(ValueError, match="extension"):
        make_sscc("9521234", 1, 10)
    for serial in (-1, 10**9):
        with pytest.raises(SsccExhausted):
            make_sscc("9521234", serial)
