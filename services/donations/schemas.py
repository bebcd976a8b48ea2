"""What goes in and out of the endpoints of donations and funds."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from services.donations.models import (
    DonationKind,
    DonationStatus,
    EarmarkKind,
    Refusal,
)
from services.donations.progress import GiftState, Share
from services.parties.keys import SignatureIn
from services.web.http import MAX_QUANTITY, Code, FromRow, Input, Moment, Quantity, Text, example

Batch = Annotated[Text, Field(min_length=1, max_length=100, examples=["LOT-7731"])]
OwnId = Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
Counted = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY, examples=[4950])]


class EarmarkIn(Input):
    """For whom a gift is: a site, a region, or, for money, the item that it may buy."""

    kind: Annotated[EarmarkKind, Field(examples=["site"])]
    target: Annotated[Code, Field(examples=["HB017"])]


class GiftIn(Input):
    """What gifts in kind and in money have in common."""

    id: OwnId
    donor: Annotated[
        Code | None, Field(description="Organisation that gives; your own where left out")
    ] = None
    anonymous: Annotated[bool, Field(description="Show the donor to nobody but the desks")] = False
    given_at: Annotated[Moment, Field(examples=["2020-02-01T09:00:00+08:00"])]
    earmark: EarmarkIn | None = None
    message: Annotated[Text | None, Field(description="Never published")] = None
    campaign: Annotated[
        Annotated[Text, Field(min_length=1, max_length=100)] | None,
        Field(description="Never published in clear", examples=["wuhan-2020"]),
    ] = None
    expected_on: Annotated[date | None, Field(description="The day on which it should come in")] = (
        None
    )
    earmark_release_on: Annotated[
        date | None,
        Field(description="After this day the desk may release the earmark; else only you may"),
    ] = None
    signature: Annotated[
        SignatureIn | None, Field(description="The donor's own, over the pledge; optional")
    ] = None


class DonationLineIn(Input):
    item: Annotated[Code, Field(examples=["n95_respirator"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    batch: Batch | None = None
    produced_on: date | None = None
    expires_on: date | None = None


class GoodsIn(GiftIn):
    """A gift in kind, pledged to the warehouse that is to receive it."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        kind="goods",
        anonymous=False,
        site="WH1",
        given_at="2020-02-03T08:00:00+08:00",
        earmark={"kind": "region", "target": "420300"},
        lines=[{"item": "gloves", "quantity": 20, "unit": "carton", "batch": "G7"}],
    )

    kind: Literal["goods"]
    site: Annotated[Code, Field(description="Receiving warehouse", examples=["W1"])]
    lines: Annotated[list[DonationLineIn], Field(min_length=1, max_length=200)]


class MoneyIn(GiftIn):
    """A gift in money, pledged to a fund, in minor units of the fund's currency."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        kind="money",
        anonymous=True,
        fund="RELIEF-CNY",
        amount_minor=5000000,
        given_at="2020-02-03T08:00:00+08:00",
        earmark={"kind": "item", "target": "n95_respirator"},
    )

    kind: Literal["money"]
    fund: Annotated[Code, Field(examples=["RELIEF-CNY"])]
    amount_minor: Annotated[Quantity, Field(examples=[10_000_000])]


_GIFTS: dict[str, type[GoodsIn | MoneyIn]] = {"goods": GoodsIn, "money": MoneyIn}


def _by_kind(value: Any, _handler: ValidatorFunctionWrapHandler) -> GoodsIn | MoneyIn:
    """Read the body as what its kind says, so that refusals name the field and no union."""
    if isinstance(value, GoodsIn | MoneyIn):
        return value
    if not isinstance(value, dict):
        slip = InitErrorDetails(type="model_attributes_type", loc=(), input=value)
        raise ValidationError.from_exception_data("donation", [slip])
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in _GIFTS:
        unknown = PydanticCustomError("donation_kind", "give goods or money")
        slip = InitErrorDetails(type=unknown, loc=("kind",), input=kind)
        raise ValidationError.from_exception_data("donation", [slip])
    return _GIFTS[kind].model_validate(value)


DonationIn = Annotated[GoodsIn | MoneyIn, WrapValidator(_by_kind)]


class DonationCancel(Input):
    model_config = example(reason="given elsewhere")

    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class EarmarkOut(BaseModel):
    kind: EarmarkKind
    target: str


class BecameOut(BaseModel):
    """Where it is now, in pieces or minor units: each a reading of the journal."""

    on_hand: int
    reserved: int
    in_transit: int
    handed_over: int
    rejected: int
    lost: int
    written_off: int
    spent: int
    paid_out: int
    committed: int
    returned: int
    held: int
    repacked: Annotated[int, Field(description="0: what was repacked is told of where it is")] = 0


class DonationLineOut(BaseModel):
    """``item`` is null for money. ``received_base`` is what the journal's lot came in with."""

    line: int
    item: str | None
    quantity: int
    unit: str
    pledged_base: int
    received_base: int
    lot_id: UUID | None
    batch: str | None
    produced_on: date | None
    expires_on: date | None
    note: str | None
    became: BecameOut
    state: GiftState
    refused_base: int
    refusal: Refusal | None
    placed_base: int
    used_base: int


class RolledOut(BaseModel):
    """How far each step is, over all lines."""

    received: Share
    placed: Share
    used: Share


class StandsOut(FromRow):
    """An entry, and the correction that took it back, if one did: then it counts nothing.

    ``entry_id`` and ``said_by`` (an organisation) are null where nothing moved.
    """

    entry_id: UUID | None
    said_by: str | None = None
    taken_back_at: Moment | None = None
    reversal_id: UUID | None = None
    taken_back_because: str | None = Field(
        default=None, description="For the organisation that took it back and the desks"
    )


class DonationOut(BaseModel):
    """``status`` is pledged, received, refused or cancelled; ``state`` says it more finely.

    ``entry_id`` is the receipt's entry.
    """

    id: UUID
    kind: DonationKind
    status: DonationStatus
    donor: str
    anonymous: bool
    site: str | None
    fund: str | None
    amount_minor: int | None
    earmark: EarmarkOut | None
    given_at: Moment
    received_at: Moment | None
    entry_id: UUID | None
    campaign: str | None
    message: str | None
    cancel_reason: str | None
    lines: list[DonationLineOut]
    became: BecameOut
    state: GiftState
    rolled: RolledOut
    expected_on: date | None
    campaign_code: str | None
    earmark_release_on: date | None
    earmark_released_at: Moment | None
    refusal: Refusal | None
    refusal_note: str | None
    receipts_taken_back: list[StandsOut]


class EarmarkedMoney(BaseModel):
    """``earmark`` is null for money that may be spent on anything."""

    earmark: EarmarkOut | None
    available_minor: int


class FundOut(BaseModel):
    """A fund: what came in and was moved in is available, committed, paid, returned or moved out.

    All amounts are in minor units of its currency, which has ``decimals`` of them (ISO 4217).
    """

    code: str
    name_en: str
    name_zh: str
    currency: str
    organisation: str
    decimals: int
    available_minor: int
    by_earmark: list[EarmarkedMoney]
    committed_minor: int
    came_in_minor: int
    moved_in_minor: int
    moved_out_minor: int
    paid_minor: int
    returned_minor: int


class PurchaseIn(Input):
    """Goods for money, in one entry. It spends unearmarked money unless ``earmark`` says which."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        fund="RELIEF-CNY",
        supplier="SU01",
        site="WH1",
        bought_at="2020-02-04T10:00:00+08:00",
        item="n95_respirator",
        quantity=50,
        unit="carton",
        price_minor=3600000,
    )

    id: OwnId
    fund: Annotated[Code, Field(examples=["RELIEF-CNY"])]
    supplier: Annotated[Code, Field(examples=["SUPP1"])]
    site: Annotated[Code, Field(description="Where the goods came in", examples=["W1"])]
    bought_at: Annotated[Moment, Field(examples=["2020-02-04T15:00:00+08:00"])]
    item: Annotated[Code, Field(examples=["goggles"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    price_minor: Annotated[Quantity, Field(description="The whole price", examples=[4_500_000])]
    batch: Batch | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    earmark: EarmarkIn | None = None


class SpentMoney(BaseModel):
    """So much of one money gift's lot."""

    lot_id: UUID
    amount_minor: int


class PurchaseOut(StandsOut):
    id: UUID
    fund: str
    currency: str
    supplier: str
    site: str
    bought_at: Moment
    item: str
    quantity_base: int
    lot_id: UUID
    price_minor: int
    money: list[SpentMoney]
    earmark: EarmarkOut | None


class PaymentIn(Input):
    """Money paid out of a fund: unearmarked money, or what was committed to this payee."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11",
        fund="RELIEF-CNY",
        payee="CA01",
        amount_minor=250000,
        purpose="freight of 4 February",
        paid_at="2020-02-05T10:00:00+08:00",
    )

    id: OwnId
    fund: Annotated[Code, Field(examples=["RELIEF-CNY"])]
    payee: Annotated[Code, Field(description="Organisation", examples=["CARR1"])]
    amount_minor: Annotated[Quantity, Field(examples=[1_200_000])]
    purpose: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=500,
            description="Never published in clear",
            examples=["Transport from Wuhan to Yichang"],
        ),
    ]
    paid_at: Annotated[Moment, Field(examples=["2020-02-05T11:00:00+08:00"])]
    commitment: Annotated[
        UUID | None, Field(description="Pay out of what was committed by this act")
    ] = None


class PaymentOut(StandsOut):
    id: UUID
    fund: str
    currency: str
    payee: str
    amount_minor: int
    purpose: str
    paid_at: Moment
    commitment: UUID | None
    money: list[SpentMoney]
