"""What goes in and out of the endpoints of orders and of what else is done with a fund's money."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.donations.models import Refusal
from services.donations.money_models import MoneyActKind
from services.donations.schemas import Batch, Counted, EarmarkIn, EarmarkOut, OwnId, StandsOut
from services.web.http import Code, FromRow, Input, Moment, Quantity, Text, example

_ID = "5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d11"
Amount = Annotated[Quantity, Field(description="In minor units", examples=[1_200_000])]
Why = Annotated[Text, Field(min_length=1, max_length=500, description="Never published in clear")]
FundCode = Annotated[Code, Field(examples=["RELIEF-CNY"])]


class AppropriationIn(Input):
    """Public money that an authority assigns to a fund."""

    model_config = example(
        id=_ID,
        fund="RELIEF-CNY",
        authority="RELIEF",
        amount_minor=500000000,
        purpose="decree 7 of 26 January",
        appropriated_at="2020-01-26T10:00:00+08:00",
    )

    id: OwnId
    fund: FundCode
    authority: Annotated[Code, Field(description="Organisation that assigns it")]
    amount_minor: Amount
    purpose: Why
    appropriated_at: Moment
    earmark: EarmarkIn | None = None


class CommitmentIn(Input):
    """Unearmarked money set aside for a payee, to be paid later or released."""

    model_config = example(
        id=_ID,
        fund="RELIEF-CNY",
        payee="CA01",
        amount_minor=2500000,
        purpose="freight of February, by contract",
        committed_at="2020-02-03T10:00:00+08:00",
    )

    id: OwnId
    fund: FundCode
    payee: Annotated[Code, Field(description="Organisation", examples=["CARR1"])]
    amount_minor: Amount
    purpose: Why
    committed_at: Moment


class ReleaseIn(Input):
    """Committed money made available again: all of it that is left, unless an amount is given."""

    model_config = example(
        id=_ID, amount_minor=100000, purpose="less freight", released_at="2020-02-20T10:00:00+08:00"
    )

    id: OwnId
    amount_minor: Amount | None = None
    purpose: Why
    released_at: Moment


class MoneyMoveIn(Input):
    """Money moved to another fund of the same currency; what it is earmarked for stays with it."""

    model_config = example(
        id=_ID,
        fund="RELIEF-CNY",
        other_fund="RED-CROSS-CNY",
        amount_minor=1000000,
        purpose="they buy for both",
        moved_at="2020-02-10T10:00:00+08:00",
    )

    id: OwnId
    fund: FundCode
    other_fund: Annotated[Code, Field(description="Into this one")]
    amount_minor: Amount
    purpose: Why
    moved_at: Moment
    earmark: EarmarkIn | None = None


class RefundOf(StrEnum):
    """What is refunded: by a supplier or payee to the fund, or by the fund to who gave."""

    PURCHASE = "purchase"
    DELIVERY = "delivery"
    PAYMENT = "payment"
    DONATION = "donation"
    APPROPRIATION = "appropriation"


class RefundIn(Input):
    """Money back: from a supplier or payee to the fund that paid, or from a fund to who gave."""

    model_config = example(
        id=_ID,
        of="purchase",
        subject="8d3a7c1e-6f0b-4f0e-9d51-0c4f6d2b7a10",
        amount_minor=90000,
        purpose="ten cartons were torn",
        refunded_at="2020-02-14T10:00:00+08:00",
    )

    id: OwnId
    of: RefundOf
    subject: Annotated[UUID, Field(description="Id of the purchase, delivery, payment or gift")]
    amount_minor: Amount
    purpose: Why
    refunded_at: Moment


class MoneyActOut(StandsOut):
    """One act and the lots of money that it moved; ``entry_id`` is its entry in the journal."""

    id: UUID
    kind: MoneyActKind
    fund: str
    currency: str
    other_fund: str | None
    party: str | None
    subject: UUID | None
    amount_minor: int
    left_minor: int | None = Field(
        description="Of a commitment: what is neither paid nor released yet"
    )
    purpose: str
    acted_at: Moment
    recorded_at: Moment


class OrderLineIn(Input):
    item: Annotated[Code, Field(examples=["n95_respirator"])]
    quantity: Quantity
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    price_minor: Annotated[Quantity, Field(description="The line's whole price")]


class OrderIn(Input):
    """A draft of an order; it commits nothing until it is ordered."""

    model_config = example(
        id=_ID,
        fund="RELIEF-CNY",
        supplier="SU01",
        site="WH1",
        expected_on="2020-02-20",
        lines=[
            {"item": "n95_respirator", "quantity": 50, "unit": "carton", "price_minor": 3600000}
        ],
    )

    id: OwnId
    fund: FundCode
    supplier: Annotated[Code, Field(examples=["SUPP1"])]
    site: Annotated[Code, Field(description="Warehouse that it comes to", examples=["W1"])]
    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=100)]
    earmark: Annotated[EarmarkIn | None, Field(description="Which money pays")] = None
    expected_on: date | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None


class OrderTerms(Input):
    """What of a draft may be changed until it is ordered; its digest is the draft's version."""

    site: Annotated[Code, Field(description="Warehouse that it comes to", examples=["W1"])]
    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=100)]
    expected_on: date | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None


class OrderEditIn(OrderTerms):
    """A draft as it shall be, whole; ``version`` is the one that was read."""

    model_config = example(
        version="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        site="WH1",
        expected_on="2020-02-22",
        lines=[
            {"item": "n95_respirator", "quantity": 40, "unit": "carton", "price_minor": 2880000}
        ],
        reason="they have forty",
    )

    version: Annotated[Text, Field(min_length=1, max_length=64)]
    reason: Annotated[Text, Field(max_length=500)] | None = None


class OrderPlaceIn(Input):
    """``version`` is the draft's that was read: where it is given, no other is ordered."""

    model_config = example(ordered_at="2020-02-04T10:00:00+08:00")

    ordered_at: Moment
    version: Annotated[Text, Field(min_length=1, max_length=64)] | None = None


class OrderCancelIn(Input):
    model_config = example(cancelled_at="2020-02-24T10:00:00+08:00", reason="the maker was closed")

    cancelled_at: Moment
    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class DeliveredLineIn(Input):
    """What came of one line: taken in, and refused with a reason; never more than is due."""

    line: Annotated[int, Field(strict=True, ge=1, le=100)]
    accepted: Counted
    refused: Annotated[Counted, Field(description="Sent back, never opened as stock")] = 0
    unit: Annotated[Code, Field(examples=["piece", "box", "carton"])] = "piece"
    reason: Refusal | None = None
    batch: Batch | None = None
    produced_on: date | None = None
    expires_on: date | None = None

    @model_validator(mode="after")
    def _has_its_reason(self) -> Self:
        if bool(self.refused) != (self.reason is not None):
            raise ValueError("give a reason for what is refused, and only for that")
        return self


class DeliveryIn(Input):
    model_config = example(
        id=_ID,
        delivered_at="2020-02-14T10:00:00+08:00",
        lines=[{"line": 1, "accepted": 48, "refused": 2, "unit": "carton", "reason": "damaged"}],
    )

    id: OwnId
    delivered_at: Moment
    lines: Annotated[list[DeliveredLineIn], Field(min_length=1, max_length=100)]


class OrderState(StrEnum):
    DRAFT = "draft"
    ORDERED = "ordered"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class OrderLineOut(FromRow):
    line: int
    item: str
    quantity: int
    unit: str
    quantity_base: int
    delivered_base: int
    refused_base: int
    price_minor: int


class DeliveryOut(StandsOut):
    id: UUID
    delivered_at: Moment
    paid_minor: int
    lots: list[UUID]


class OrderOut(FromRow):
    """An order, and how it stands: delivered and paid are readings of the journal."""

    id: UUID
    state: OrderState
    fund: str
    currency: str
    supplier: str
    site: str
    version: Annotated[str, Field(description="To be sent with a change of the draft")]
    earmark: EarmarkOut | None
    price_minor: int
    committed_minor: int
    paid_minor: int
    expected_on: date | None
    note: str | None
    recorded_at: Moment
    ordered_at: Moment | None
    cancelled_at: Moment | None
    lines: list[OrderLineOut]
    deliveries: list[DeliveryOut]


class FundEntryOut(StandsOut):
    """One entry of a fund's statement; ``within`` was committed or released within the fund.

    What was taken back is here as it was said, and what took it back, with the opposite amounts.
    """

    kind: str
    occurred_at: Moment
    recorded_at: Moment
    document: str | None
    came_minor: int
    left_minor: int
    within_minor: int


class FtsOut(FromRow):
    """A fund's flows in the terms of the Financial Tracking Service; ``fund`` null: the total.

    Totals are by currency, and no currency is ever turned into another.
    """

    fund: str | None
    currency: str
    incoming_pledge_minor: int
    incoming_commitment_minor: int
    incoming_paid_minor: int
    internal_in_minor: int
    internal_out_minor: int
    outgoing_pledge_minor: int
    outgoing_commitment_minor: int
    outgoing_paid_minor: int
    returned_minor: int
