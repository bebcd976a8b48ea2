"""What goes in and out of the community points' endpoints."""

import re
from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import AfterValidator, BaseModel, Field
from stdnum.iso7064 import mod_11_2

from services.community.identity import bare
from services.community.models import BookingState
from services.web.http import Code, FromRow, Input, Moment, Text, example

_SLOT = "2020-02-06T09:30:00+08:00"


# A Chinese resident identity number (GB 11643-1999) ends in a check character of ISO 7064.
_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")


def checked_identity(text: str) -> str:
    """An identity number as it was typed; ValueError where it can't be one."""
    number = bare(text)
    if not 6 <= len(number) <= 40:
        raise ValueError("give the whole number of the household's register or identity card")
    if _RESIDENT.fullmatch(number) and not mod_11_2.is_valid(number):
        raise ValueError("read the number off the card once more: its last character doesn't fit")
    return text


Household = Annotated[
    str,
    Field(
        max_length=80,
        description="Number of the household's register or identity card; only a keyed hash of it "
        "is kept",
        examples=["420102 19800101 1231"],
    ),
    AfterValidator(checked_identity),
]
PickupCode = Annotated[str, Field(min_length=1, max_length=20, examples=["7K3M-9QXT"])]


class OfferIn(Input):
    """What a point gives to each household. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d31",
        site="P1",
        item="surgical_mask",
        pieces=5,
        period_days=10,
        opens_at="09:00",
        closes_at="17:00",
        slot_minutes=30,
        bookings_per_slot=10,
        first_day="2020-02-06",
        last_day="2020-02-20",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    site: Code
    item: Code
    pieces: Annotated[int, Field(ge=1, le=10_000)]
    period_days: Annotated[int, Field(ge=1, le=365)]
    opens_at: time
    closes_at: time
    slot_minutes: Annotated[int, Field(ge=5, le=720)]
    bookings_per_slot: Annotated[int, Field(ge=1, le=1000)]
    first_day: date
    last_day: date


class OfferClose(Input):
    model_config = example(reason="Nothing left to give")

    reason: Annotated[Text, Field(min_length=1, max_length=500)]


class OfferOut(FromRow):
    id: UUID
    site: str
    item: str
    region: str
    pieces: int
    period_days: int
    opens_at: time
    closes_at: time
    slot_minutes: int
    bookings_per_slot: int
    first_day: date
    last_day: date
    closed_at: Moment | None
    in_stock: int
    promised: int
    bookable: int


class SlotOut(FromRow):
    starts_at: datetime
    free: int


class BookingIn(Input):
    """A household's booking. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d32",
        slot_starts_at=_SLOT,
        household="420102 19800101 1231",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    slot_starts_at: Annotated[Moment, Field(examples=[_SLOT])]
    household: Household
    booked_at: Moment | None = None


class BookingOut(FromRow):
    """``pickup_code`` is for the household alone: who has it gets the pieces.

    It is null once a handing out stands in the public log, where anybody can read the id.
    """

    id: UUID
    site: str
    item: str
    pieces: int
    slot_starts_at: datetime
    state: BookingState
    pickup_code: str | None


class DeskBookingOut(FromRow):
    """A booking as the point's staff see it: neither who it is, nor the code, nor the id.

    Who knows the id is shown the code. Where ``on_register`` is false nobody has checked the
    number: look at the paper.
    """

    site: str
    item: str
    pieces: int
    slot_starts_at: datetime
    state: BookingState
    settled_at: datetime | None
    on_register: bool


class HandOutIn(Input):
    """The code that a resident shows; ``household``, where their paper is to be held against it."""

    model_config = example(pickup_code="7K3M-9QXT", occurred_at="2020-02-06T09:41:00+08:00")

    pickup_code: PickupCode
    occurred_at: Moment | None = None
    household: Household | None = None


class MissIn(Input):
    """Whose time was over a day before ``at``, in the world, has missed it."""

    model_config = example(site="P1", at="2020-02-08T20:00:00+08:00")

    site: Code
    at: Moment


class MissedOut(BaseModel):
    missed: int


class RegisterOut(BaseModel):
    """How many households are on a point's register; 0 where it has none."""

    site: str
    households: int
