"""GS1 codes: read as they are printed, made as they are read, refused where they can't be."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.gs1 import (
    GS,
    Elements,
    NotGs1,
    bracketed,
    check_digit,
    digital_link,
    element_string,
    gtin14,
    parse,
)
from services.catalog.gs1 import _full_year as full_year

SET_82 = "".join(c for c in map(chr, range(33, 123)) if c not in "#$@[\\]^`")
KEYS = st.text("0123456789", min_size=13, max_size=13).map(lambda d: d + check_digit(d))
SSCCS = st.text("0123456789", min_size=17, max_size=17).map(lambda d: d + check_digit(d))
TEXTS = st.text(SET_82, min_size=1, max_size=20)
DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31)).map(lambda d: d.strftime("%y%m%d"))
COUNTS = st.integers(0, 99_999_999).map(str)
VALUES = {
    "10": TEXTS,
    "11": DAYS,
    "17": DAYS,
    "21": TEXTS,
    "30": COUNTS,
    "37": COUNTS,
    "3103": st.integers(0, 999_999).map(lambda n: f"{n:06}"),
}


@st.composite
def elements(draw: st.DrawFn, key: bool = True) -> Elements:
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, min_size=not key))
    found = [(name, draw(VALUES[name])) for name in names]
    if key:
        found.insert(draw(st.integers(0, len(found))), ("01", draw(KEYS)))
    return tuple(found)


@pytest.mark.parametrize(
    ("digits", "check"),
    [
        # GS1's own examples of each key.
        ("629104150021", "3"),  # GTIN-13, "how to calculate a check digit"
        ("9638507", "4"),  # GTIN-8
        ("61414112345", "2"),  # GTIN-12
        ("0950600013435", "2"),  # GTIN-14 of the General Specifications' samples
        ("0950110102091", "7"),
        ("10614141234567890", "8"),  # SSCC
    ],
)
def test_check_digits(digits: str, check: str) -> None:
    assert check_digit(digits) == check


@pytest.mark.parametrize("text", ["96385074", "614141123452", "6291041500213", "09506000134352"])
def test_a_gtin_of_any_length_is_14_digits(text: str) -> None:
    assert gtin14(text) == text.zfill(14)
    assert parse(text).gtin == text.zfill(14)


@pytest.mark.parametrize(
    "text", ["", "1", "6291041500214", "629104150021x", "٦٢٩١٠٤١٥٠٠٢١٣", "1" * 15]
)
def test_what_is_no_gtin_is_refused(text: str) -> None:
    with pytest.raises(NotGs1) as refused:
        gtin14(text)
    assert refused.value.mend


WAYS = [
    "(01)09506000134352(17)201225(10)ABC123(37)20",
    "(01) 09506000134352 (17) 201225 (10) ABC123 (37) 20",
    "]d2010950600013435217201225" + f"10ABC123{GS}3720",
    f"]C1{GS}0109506000134352{GS}1720122510ABC123{GS}3720{GS}",
    "https://id.gs1.org/01/09506000134352/10/ABC123?17=201225&37=20",
    "http://Shop.example:8080/a/b/01/9506000134352/10/ABC123?utm=x&17=201225;37=20#top",
]


@pytest.mark.parametrize("text", WAYS)
def test_every_way_of_writing_says_the_same(text: str) -> None:
    scan = parse(text)
    assert (scan.gtin, scan.batch, scan.count) == ("09506000134352", "ABC123", 20)
    assert (scan.expires_on, scan.produced_on, scan.serial) == (date(2020, 12, 25), None, None)


def test_a_pallet_and_a_weight() -> None:
    pallet = parse("(00)106141412345678908(02)09501101020917(37)48(3103)012345")
    assert (pallet.sscc, pallet.gtin, pallet.count) == (
        "106141412345678908",
        "09501101020917",
        48,
    )
    assert pallet.weight_kg == Decimal("12.345")


def test_a_month_ends_on_its_last_day_and_centuries_slide() -> None:
    assert parse("(17)240200").expires_on == date(2024, 2, 29)
    assert parse("(17)230200").expires_on == date(2023, 2, 28)
    assert [full_year(short, 2026) for short in (26, 76, 77, 99, 0)] == [
        2026,
        2076,
        1977,
        1999,
        2000,
    ]
    assert full_year(10, 2060) == 2110


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "(99)123",
        "(01)09506000134353",
        "(01)0950600013435",
        "(17)201325",
        "(17)230230",
        "(10)",
        "(10)" + "A" * 21,
        "(10)A#B",
        "(10)批号",
        "(30)123456789",
        "(01)09506000134352(01)09501101020917",
        "0109506000134352" + "99X",
        "010950600013435",
        "]d2",
        "https://example.org/",
        "https://example.org/01/09506000134353",
        "https://example.org/01/09506000134352/21/1/10/A",
        "https://example.org/01/09506000134352/10/%ff",
        "https://[::1/01/09506000134352",
        "x" * 2001,
        "\ud800",
        "\x00",
    ],
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(NotGs1) as refused:
        parse(text)
    assert refused.value.mend


@given(elements())
def test_what_is_made_is_read_again(some: Elements) -> None:
    assert parse(element_string(some)).elements == some
    assert set(parse(digital_link(some)).elements) == set(some)


@given(elements(key=False))
def test_brackets_are_read_again_or_not_made(some: Elements) -> None:
    try:
        text = bracketed(some)
    except NotGs1:
        assert any("(" in value for _, value in some)
    else:
        assert parse(text).elements == some


@given(SSCCS)
def test_a_pallet_has_a_link_too(sscc: str) -> None:
    assert parse(digital_link((("00", sscc),))).sscc == sscc


def test_a_link_begins_with_a_key() -> None:
    with pytest.raises(NotGs1):
        digital_link((("10", "A"),))


@given(KEYS, st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(key: str, at: int, by: int) -> None:
    wrong = key[:at] + str((int(key[at]) + by) % 10) + key[at + 1 :]
    with pytest.raises(NotGs1):
        gtin14(wrong)


@given(st.text(max_size=60))
def test_anything_is_read_or_refused(text: str) -> None:
    try:
        scan = parse(text)
    except NotGs1:
        return
    assert scan.elements
