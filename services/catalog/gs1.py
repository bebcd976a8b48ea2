"""What a scanner reads from a GS1 barcode, and what a label says, without any database.

Sources: GS1 General Specifications, sections 3 (application identifiers), 7.2 (dates), 7.9 (check
digits), 7.8 (element strings with FNC1); GS1 Digital Link Standard: URI Syntax 1.4.
An element string is a row of application identifiers (AI) with their values, as in
``(01)09506000134352(17)201225(10)ABC123``; in a symbol the brackets are missing, and what has no
fixed length ends with FNC1, which scanners give as the character GS (0x1D).
"""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import quote, unquote, urlsplit

from services.errors import InvalidInput

GS = "\x1d"
DOMAIN = "https://id.gs1.org"
MAX_LENGTH = 2000
_GTIN_LENGTHS = (8, 12, 13, 14)
# GS1's character set 82: what batch and serial numbers may hold.
_SET_82 = r"[!\"%-?A-Z_a-z]"
_FORMATS: dict[str, str] = {
    "00": r"\d{18}",
    "01": r"\d{14}",
    "02": r"\d{14}",
    "10": _SET_82 + r"{1,20}",
    "11": r"\d{6}",
    "17": r"\d{6}",
    "21": _SET_82 + r"{1,20}",
    "30": r"\d{1,8}",
    "37": r"\d{1,8}",
    **{f"310{places}": r"\d{6}" for places in range(6)},
}
# Those that end by themselves; every other one ends with FNC1 or with the symbol.
_FIXED = {"00": 18, "01": 14, "02": 14, "11": 6, "17": 6, **{f"310{n}": 6 for n in range(6)}}
_CHECKED = ("00", "01", "02")
_DATES = ("11", "17")
# A Digital Link's path: its primary key, then these of its qualifiers, in this order.
_QUALIFIERS: dict[str, tuple[str, ...]] = {"01": ("10", "21"), "00": ()}
# Symbology identifiers that scanners put in front (ISO/IEC 15424).
_SYMBOLOGY = re.compile(r"\](?:C1|d2|e0|Q3|J1|E[0-4])")
Elements = tuple[tuple[str, str], ...]


class NotGs1(InvalidInput):
    code, title = "not-gs1", "This can't be read as a GS1 code"


@dataclass(frozen=True, slots=True)
class Scan:
    """The elements of a scan, in their order, and what they say."""

    elements: Elements

    def _value(self, *names: str) -> str | None:
        return next((value for name, value in self.elements if name in names), None)

    @property
    def gtin(self) -> str | None:
        """The trade item, or what a logistic unit holds, as 14 digits."""
        return self._value("01", "02")

    @property
    def sscc(self) -> str | None:
        return self._value("00")

    @property
    def batch(self) -> str | None:
        return self._value("10")

    @property
    def serial(self) -> str | None:
        return self._value("21")

    @property
    def produced_on(self) -> date | None:
        value = self._value("11")
        return _date(value) if value else None

    @property
    def expires_on(self) -> date | None:
        value = self._value("17")
        return _date(value) if value else None

    @property
    def count(self) -> int | None:
        """How many trade items; None where it isn't said."""
        value = self._value("30", "37")
        return int(value) if value else None

    @property
    def weight_kg(self) -> Decimal | None:
        """Net weight; the AI's last digit says how many decimals it has."""
        for name, value in self.elements:
            if name.startswith("310"):
                return Decimal(value).scaleb(-int(name[3]))
        return None


def check_digit(digits: str) -> str:
    """The check digit that belongs after these digits, of whichever GS1 key (modulo 10)."""
    weighted = (int(digit) * (3, 1)[at % 2] for at, digit in enumerate(reversed(digits)))
    return str(-sum(weighted) % 10)


def is_checked(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return digits.isascii() and digits.isdigit() and check_digit(digits[:-1]) == digits[-1]


def gtin14(text: str, field: str = "gtin") -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits.

    Raises:
        NotGs1: not so many digits, or another check digit belongs to them.

    """
    digits = re.sub(r"[\s-]", "", text)
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in _GTIN_LENGTHS:
        raise NotGs1(
            f"{text[:40]!r} isn't a GTIN",
            field=field,
            value=text,
            mend="give its 8, 12, 13 or 14 digits",
        )
    if not is_checked(digits):
        raise NotGs1(
            f"{digits} isn't a GTIN: its check digit would be {check_digit(digits[:-1])}",
            field=field,
            value=text,
            mend="compare it with the package, digit by digit",
        )
    return digits.zfill(14)


def parse(text: str) -> Scan:
    """Read a scan: an element string with FNC1 or brackets, a Digital Link, or a bare GTIN.

    Raises:
        NotGs1: it is none of them, or holds an AI or a value that can't be.

    """
    if len(text) > MAX_LENGTH:
        raise _refused("it is too long")
    stripped = _SYMBOLOGY.sub("", text.strip(" \r\n\t"), count=1)
    if re.match(r"https?://", stripped, re.IGNORECASE):
        return _checked(_from_link(stripped))
    if stripped.startswith("("):
        return _checked(_from_brackets(stripped))
    if len(stripped) in _GTIN_LENGTHS and is_checked(stripped):
        return Scan((("01", gtin14(stripped)),))
    return _checked(_from_symbol(stripped))


def element_string(elements: Elements) -> str:
    """The elements as in a symbol, each of no fixed length ended by GS unless it is the last."""
    scan = _checked(elements)
    parts = [
        name + value + ("" if name in _FIXED or at == len(scan.elements) else GS)
        for at, (name, value) in enumerate(scan.elements, start=1)
    ]
    return "".join(parts)


def bracketed(elements: Elements) -> str:
    """The elements as people read them below a symbol.

    Raises:
        NotGs1: a value holds what reads as another AI, and so can't be told apart in this form.

    """
    text = "".join(f"({name}){value}" for name, value in _checked(elements).elements)
    if parse(text).elements != elements:
        raise _refused("a value reads as another identifier; use a symbol or a Digital Link")
    return text


def digital_link(elements: Elements, domain: str = DOMAIN) -> str:
    """The elements as a GS1 Digital Link URI: the key and its qualifiers as path, others as query.

    Raises:
        NotGs1: there is neither a GTIN (01) nor an SSCC (00) to begin with.

    """
    values = dict(_checked(elements).elements)
    primary = next((name for name in _QUALIFIERS if name in values), None)
    if primary is None:
        raise _refused("a Digital Link begins with a GTIN (01) or an SSCC (00)")
    path = [primary, values.pop(primary)]
    for name in _QUALIFIERS[primary]:
        if name in values:
            path += [name, quote(values.pop(name), safe="")]
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
    return f"{domain}/{'/'.join(path)}" + (f"?{query}" if query else "")


def _from_symbol(text: str) -> Elements:
    found: list[tuple[str, str]] = []
    rest = text.lstrip(GS)
    while rest:
        name = next((rest[:size] for size in (2, 4) if rest[:size] in _FORMATS), None)
        if name is None:
            raise _refused(f"it has no application identifier known here at {rest[:8]!r}")
        rest = rest[len(name) :]
        value = rest[: _FIXED[name]] if name in _FIXED else rest.partition(GS)[0]
        rest = rest[len(value) :].removeprefix(GS)
        found.append((name, value))
    return tuple(found)


_BRACKET = re.compile(r"\((\d{2,4})\)")


def _from_brackets(text: str) -> Elements:
    starts = [match for match in _BRACKET.finditer(text) if match[1] in _FORMATS]
    if not starts or starts[0].start():
        raise _refused(f"it has no application identifier known here at {text[:8]!r}")
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return tuple(
        (match[1], text[match.end() : end].strip(" "))
        for match, end in zip(starts, ends, strict=True)
    )


def _from_link(text: str) -> Elements:
    try:
        parts = urlsplit(text)
        steps = [unquote(step, errors="strict") for step in parts.path.split("/")]
        pairs = [each.split("=", 1) for each in re.split("[&;]", parts.query) if "=" in each]
        query = [(unquote(k, errors="strict"), unquote(v, errors="strict")) for k, v in pairs]
    except ValueError as error:
        raise _refused("it isn't a web address") from error
    for at in range(len(steps) - 2, -1, -1):
        found = _path_from(steps[at:])
        if found is not None:
            # Other parameters of a web address are nobody's elements.
            return (*found, *((name, value) for name, value in query if name in _FORMATS))
    raise _refused("the web address has no GTIN (/01/…) or SSCC (/00/…)")


def _path_from(steps: Sequence[str]) -> Elements | None:
    """Key and qualifiers, where the path ends in them."""
    names, values = steps[::2], steps[1::2]
    if names[0] not in _QUALIFIERS or len(names) != len(values):
        return None
    allowed = _QUALIFIERS[names[0]]
    if list(names[1:]) != [name for name in allowed if name in names[1:]]:
        return None
    key = values[0].zfill(14) if names[0] == "01" and len(values[0]) in _GTIN_LENGTHS else values[0]
    return ((names[0], key), *zip(names[1:], values[1:], strict=True))


def _checked(elements: Sequence[tuple[str, str]]) -> Scan:
    seen: dict[str, str] = {}
    for name, value in elements:
        if name not in _FORMATS or not re.fullmatch(_FORMATS[name], value, re.ASCII):
            raise _refused(f"({name}) can't be {value[:30]!r}")
        if name in _CHECKED and not is_checked(value):
            raise _refused(f"the check digit of ({name}) would be {check_digit(value[:-1])}")
        if name in _DATES:
            _date(value)
        if seen.setdefault(name, value) != value:
            raise _refused(f"({name}) stands there twice, and differs")
    if not seen:
        raise _refused("there is nothing in it")
    return Scan(tuple(seen.items()))


def _date(digits: str) -> date:
    """YYMMDD. A day 00 is the month's last; the century is the one nearest to today's year."""
    short, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    year = _full_year(short, date.today().year)  # noqa: DTZ011 — only the century is asked for
    try:
        last = calendar.monthrange(year, month)[1]
        return date(year, month, day or last)
    except (ValueError, calendar.IllegalMonthError) as error:
        raise _refused(f"{digits} is no date YYMMDD") from error


def _full_year(short: int, this_year: int) -> int:
    """Two digits of a year, from 49 years back to 50 years ahead (General Specifications 7.12)."""
    century, here = divmod(this_year, 100)
    ahead = short - here
    if ahead >= 51:
        century -= 1
    elif ahead <= -50:
        century += 1
    return 100 * century + short


def _refused(why: str) -> NotGs1:
    return NotGs1(
        f"It can't be read as a GS1 code: {why}",
        field="text",
        mend="scan it again, or type it as (01)09506000134352(17)201225(10)ABC123",
    )
