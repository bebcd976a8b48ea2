"""Amounts have the decimals of their currency's minor unit (ISO 4217, exponent)."""

from decimal import Decimal

import pytest

from services.web.forms import Form, NotAnAmount, minor_units
from services.web.pages import currency_decimals, environment, in_currency

_EXPONENTS = {
    **dict.fromkeys(("CNY", "EUR", "LBP", "RSD", "SYP", "USD", "YER"), 2),
    **dict.fromkeys(("JPY", "KRW", "VND", "XAF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "TND"), 3),
    # Nobody's currency: two, as most have.
    "ZZZ": 2,
}


@pytest.mark.parametrize("currency", _EXPONENTS)
def test_what_is_typed_and_shown_has_the_minor_units_decimals(currency: str) -> None:
    decimals = _EXPONENTS[currency]
    assert currency_decimals(currency) == decimals
    assert in_currency(1_250_000, currency) == Decimal(1_250_000).scaleb(-decimals)
    typed = f"1,250.{'5' * decimals}" if decimals else "1,250"
    minor = minor_units(Form({"price": typed}), "price", currency)
    assert int(minor) == int(typed.replace(",", "").replace(".", ""))
    shown = environment("en").from_string("{{ minor|money(currency) }}")
    assert shown.render(minor=int(minor), currency=currency) == typed
    with pytest.raises(NotAnAmount):
        minor_units(Form({"price": f"1.{'5' * (decimals + 1)}"}), "price", currency)
