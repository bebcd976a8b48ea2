"""Every code of donations and money that a page may show has its words, in both languages."""

import pytest
from babel.numbers import get_currency_precision

from services.donations.models import CheckPart, DonationKind, DonationStatus, Refusal
from services.donations.money_models import MoneyActKind
from services.donations.money_schemas import OrderState
from services.donations.progress import BECAME, GiftState, Share
from services.web.forms import Form, NotAnAmount, minor_units
from services.web.pages import environment


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("GIFT_STATE", list(GiftState)),
        ("GIFT_STATUS", list(DonationStatus)),
        ("GIFT_KIND", list(DonationKind)),
        ("SHARE", list(Share)),
        ("REFUSAL", list(Refusal)),
        ("CHECK", list(CheckPart)),
        ("ORDER", list(OrderState)),
        ("ACT", list(MoneyActKind)),
        ("PLACES", sorted({*BECAME.values(), "returned"})),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_has_its_words(table: str, codes: list[str], language: str) -> None:
    words = getattr(environment(language).get_template("labels_donations.html").module, table)
    assert [code for code in codes if not words.get(str(code))] == []


@pytest.mark.parametrize(
    ("currency", "typed", "minor", "shown"),
    [
        ("CNY", "1,250.5", "125050", "1,250.50"),
        ("JPY", "1,250", "1250", "1,250"),
        ("KWD", "1.2", "1200", "1.200"),
        ("KWD", "0.005", "5", "0.005"),
    ],
)
def test_an_amount_has_its_currencys_decimals(
    currency: str, typed: str, minor: str, shown: str
) -> None:
    assert minor_units(Form({"amount": typed}), "amount", currency) == minor
    money = environment("en").filters["money"]
    assert money(int(minor), currency) == shown


@pytest.mark.parametrize(
    ("currency", "typed"), [("CNY", "1.005"), ("JPY", "1.5"), ("KWD", "1.2345"), ("CNY", "x")]
)
def test_a_part_of_a_minor_unit_is_refused(currency: str, typed: str) -> None:
    with pytest.raises(NotAnAmount):
        minor_units(Form({"amount": typed}), "amount", currency)
    assert get_currency_precision(currency) < 4
