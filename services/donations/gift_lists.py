"""The lists of gifts and of earmarks, as the API and the pages show them."""

from collections.abc import Collection
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, select

from services.database import among
from services.donations.earmarks import Honour, honours
from services.donations.models import Donation, DonationKind, DonationStatus, EarmarkKind
from services.journal.flows import has_entry
from services.journal.kinds import EntryKind
from services.parties.models import DESKS, User
from services.parties.service import Actor
from services.web.http import Code, Moment
from services.web.lists import Asked, Listing, cut_page, select_page

_RECEIPTS = (EntryKind.RECEIVE_DONATION, EntryKind.RECEIVE_GIFT)


class GiftFilter(BaseModel):
    """Which gifts; what is left out is any."""

    # Of the other parameters, the list's own, each endpoint knows.
    model_config = ConfigDict(extra="ignore")

    status: DonationStatus | None = None
    kind: DonationKind | None = None
    donor: Code | None = None
    site: Code | None = None
    fund: Code | None = None
    campaign: Code | None = None
    expected_until: Annotated[date | None, Field(description="Due by then, or overdue")] = None


def gift_list(
    session: Session, actor: Actor, asked: Asked, wanted: GiftFilter, *, newest: bool = False
) -> Listing[Donation]:
    """Gifts that the actor may see, in the order of recording unless another is asked for."""
    statement = select(Donation)
    donor = wanted.donor if actor.role in DESKS else actor.organisation
    equal = {
        Donation.donor: donor,
        Donation.site: wanted.site,
        Donation.fund: wanted.fund,
        Donation.campaign_code: wanted.campaign,
    }
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(col(column) == value)
    if wanted.kind is not None:
        in_kind = col(Donation.fund).is_(None)
        statement = statement.where(in_kind if wanted.kind is DonationKind.GOODS else ~in_kind)
    if wanted.status is not None:
        statement = statement.where(_has(wanted.status))
    if wanted.expected_until is not None:
        statement = statement.where(
            col(Donation.expected_on) <= wanted.expected_until, _has(DonationStatus.PLEDGED)
        )
    # Those to be received first, then the newest.
    is_open = sa.case((_has(DonationStatus.PLEDGED), 0), else_=1)
    age = -sa.extract("epoch", col(Donation.recorded_at))
    order: dict[str, Any] = {
        "recorded": col(Donation.recorded_at),
        "open": sa.tuple_(is_open, age),
        "given": col(Donation.given_at),
        "expected": col(Donation.expected_on),
        "donor": col(Donation.donor),
        "campaign": col(Donation.campaign_code),
    }
    if newest:
        order = {"open": order["open"]} | order
    return select_page(session, statement, order, asked, tie=col(Donation.id))


def _has(status: DonationStatus) -> Any:
    document = sa.literal("donation:") + sa.cast(col(Donation.id), sa.Text())
    received = has_entry(document, _RECEIPTS)
    if status is DonationStatus.CANCELLED:
        return col(Donation.cancelled_at).is_not(None)
    if status is DonationStatus.REFUSED:
        return col(Donation.refused_at).is_not(None)
    if status is DonationStatus.RECEIVED:
        return received
    return col(Donation.cancelled_at).is_(None) & col(Donation.refused_at).is_(None) & ~received


class HonourFilter(BaseModel):
    """Which earmarks; what is left out is any."""

    model_config = ConfigDict(extra="ignore")

    kind: EarmarkKind | None = None
    target: Code | None = None
    released: bool | None = None
    waiting: Annotated[bool | None, Field(description="Whether some of it waits")] = None


class HonourOut(BaseModel):
    """One earmarked lot: what of it served whom it is for, is under way, waits, or is elsewhere.

    ``donation_id`` is null for goods that were bought with earmarked money.
    """

    lot_id: UUID
    donation_id: UUID | None
    donor: str | None
    kind: EarmarkKind
    target: str
    commodity: str
    came_in_base: int
    served_base: int
    under_way_base: int
    waits_base: int
    waits_since: Moment | None
    elsewhere_base: int
    gone_base: int
    release_on: date | None
    released: bool


def honour_list(
    session: Session, actor: Actor, asked: Asked, wanted: HonourFilter
) -> Listing[HonourOut]:
    """Earmarks that the actor may see: a donor's own gifts', or, at a desk, all."""
    found = honours(
        session,
        donor=None if actor.role in DESKS else actor.organisation,
        kind=wanted.kind,
        target=wanted.target,
        is_released=wanted.released,
    )
    rows = [_honour_out(each) for each in found if wanted.waiting in {None, bool(each.waits)}]
    names = ("target", "commodity", "donor", "waits_base", "waits_since", "served_base")
    return cut_page(rows, {name: _by(name) for name in names}, asked)


def _by(name: str) -> Any:
    return lambda row: getattr(row, name)


def _honour_out(honour: Honour) -> HonourOut:
    parts = (honour.served, honour.under_way, honour.waits, honour.elsewhere, honour.gone)
    return HonourOut(
        lot_id=honour.lot.id,
        donation_id=honour.donation.id if honour.donation else None,
        donor=honour.donation.donor if honour.donation else None,
        kind=honour.earmark.kind,
        target=honour.earmark.target,
        commodity=honour.lot.commodity,
        came_in_base=sum(parts),
        served_base=honour.served,
        under_way_base=honour.under_way,
        waits_base=honour.waits,
        waits_since=honour.came_at if honour.waits else None,
        elsewhere_base=honour.elsewhere,
        gone_base=honour.gone,
        release_on=honour.release_on,
        released=honour.earmark.released_entry is not None,
    )


def usernames(session: Session, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of people, for those who work beside them."""
    rows = session.exec(select(User).where(among(User.id, user_ids)))
    return {row.id: row.display_name for row in rows}
