"""RFC 8785's own examples, as facts: the library that writes records is held to each of them.

A record has no floats, so its numbers never meet most of this; it shows that the library follows
the RFC where we don't look.
"""

import struct
from typing import Any

import pytest
import rfc8785

# Appendix B: an IEEE 754 double in hex, and the text that ECMAScript gives it.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
# Section 3.2.4: the example of section 3.2.2 as bytes.
SAMPLE = """
    7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333
    333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472
    696e67223a22e282ac245c75303030665c6e412742 5c225c5c5c5c5c222f227d
"""


def double(text: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(text))[0]
    return value


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_appendix_b_gives_each_number_its_text(bits: str, text: str) -> None:
    assert rfc8785.dumps([double(bits)]) == f"[{text}]".encode()


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_appendix_b_refuses_what_is_no_number(bits: str) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        rfc8785.dumps([double(bits)])


def test_section_3_2_4_gives_the_samples_bytes() -> None:
    sample: dict[str, Any] = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert rfc8785.dumps(sample) == bytes.fromhex(SAMPLE)


def test_section_3_2_3_sorts_by_utf_16_units() -> None:
    """With the RFC's own U+FB33, which normal form C would take apart."""
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert rfc8785.dumps(keys) == (
        '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'.encode()
    )
