"""The Serial Shipping Container Code: GS1's number of a pallet or parcel, never given twice.

Eighteen digits: an extension digit, the company's GS1 prefix, a serial, and a check digit (GS1
General Specifications, AI 00; its mod-10 check digit is the same for all of GS1's keys).
"""

from services.catalog.gs1 import check_digit

_DIGITS = 18
# The shortest and longest company prefix that GS1 licenses.
_SHORTEST, _LONGEST = 4, 12


class SsccExhausted(ValueError):
    """Every serial of a prefix has been given."""


def make_sscc(company_prefix: str, serial: int, extension: int = 0) -> str:
    """Make an SSCC; ``extension`` only widens the range of serials.

    Raises:
        SsccExhausted: the prefix leaves no room for the serial.
        ValueError: a prefix that isn't 4 to 12 digits, an extension that isn't one digit.

    """
    digits = company_prefix.isascii() and company_prefix.isdecimal()
    if not digits or not _SHORTEST <= len(company_prefix) <= _LONGEST:
        raise ValueError(f"a GS1 company prefix has 4 to 12 digits, not {company_prefix!r}")
    if not 0 <= extension <= 9:
        raise ValueError(f"an extension digit is 0 to 9, not {extension}")
    room = _DIGITS - 2 - len(company_prefix)
    if not 0 <= serial < 10**room:
        raise SsccExhausted(f"serial {serial} needs more than the {room} digits that are left")
    body = f"{extension}{company_prefix}{serial:0{room}d}"
    return f"{body}{check_digit(body)}"
