"""Flows of money in the terms of the UN's Financial Tracking Service (FTS, OCHA).

A pledge is announced and binds nobody; a commitment rests on a signed agreement; a contribution
is paid when the money was transferred. Incoming flows come from outside the relief's funds,
outgoing ones leave them, internal ones stay between them.
Source: https://fts.unocha.org/content/what-financial-tracking-service-fts-and-how-use-it
"""

from dataclasses import dataclass, fields

import sqlalchemy as sa
from sqlalchemy import func
from sqlmodel import Session, col

from services.donations.fund_states import fund_states
from services.donations.models import Donation
from services.donations.money_models import OrderLine, OrderStatus, PurchaseOrder
from services.journal.flows import has_entry
from services.journal.kinds import EntryKind


@dataclass(slots=True)
class FtsRow:
    """One fund's flows, or (``fund`` None) those of all funds of one currency; minor units.

    Here an incoming commitment is a pledge that its donor signed, an outgoing one money set aside
    for an order or a payee, and an outgoing pledge an order that is only drafted.
    """

    fund: str | None
    currency: str
    incoming_pledge_minor: int = 0
    incoming_commitment_minor: int = 0
    incoming_paid_minor: int = 0
    internal_in_minor: int = 0
    internal_out_minor: int = 0
    outgoing_pledge_minor: int = 0
    outgoing_commitment_minor: int = 0
    outgoing_paid_minor: int = 0
    returned_minor: int = 0

    def add(self, other: "FtsRow") -> None:
        for field in fields(self):
            if field.name.endswith("_minor"):
                total = getattr(self, field.name) + getattr(other, field.name)
                setattr(self, field.name, total)


def fts_rows(session: Session) -> list[FtsRow]:
    """Each fund's row by code, then each currency's total."""
    promised = _promised(session)
    drafted = _drafted(session)
    rows: list[FtsRow] = []
    totals: dict[str, FtsRow] = {}
    for state in fund_states(session):
        code, currency = state.fund.code, state.fund.currency
        row = FtsRow(
            fund=code,
            currency=currency,
            incoming_pledge_minor=promised.get((code, False), 0),
            incoming_commitment_minor=promised.get((code, True), 0),
            incoming_paid_minor=state.came_in,
            internal_in_minor=state.moved_in,
            internal_out_minor=state.moved_out,
            outgoing_pledge_minor=drafted.get(code, 0),
            outgoing_commitment_minor=state.committed,
            outgoing_paid_minor=state.paid,
            returned_minor=state.returned,
        )
        rows.append(row)
        totals.setdefault(currency, FtsRow(None, currency)).add(row)
    return [*rows, *(totals[currency] for currency in sorted(totals))]


def _promised(session: Session) -> dict[tuple[str, bool], int]:
    """What is promised to each fund and didn't come yet, unsigned and signed."""
    document = sa.literal("donation:") + sa.cast(col(Donation.id), sa.Text())
    signed = has_entry(document, [EntryKind.SIGNED_PLEDGE])
    statement = (
        sa.select(col(Donation.fund), signed, func.sum(col(Donation.amount_minor)))
        .where(
            col(Donation.fund).is_not(None),
            col(Donation.cancelled_at).is_(None),
            col(Donation.refused_at).is_(None),
            ~has_entry(document, [EntryKind.RECEIVE_GIFT]),
        )
        .group_by(col(Donation.fund), signed)
    )
    found: dict[tuple[str, bool], int] = {}
    for fund, is_signed, amount in session.connection().execute(statement):
        found[fund, bool(is_signed)] = int(amount)
    return found


def _drafted(session: Session) -> dict[str, int]:
    statement = (
        sa.select(col(PurchaseOrder.fund), func.sum(col(OrderLine.price_minor)))
        .join(OrderLine, col(OrderLine.order_id) == col(PurchaseOrder.id))
        .where(col(PurchaseOrder.status) == OrderStatus.DRAFT)
        .group_by(col(PurchaseOrder.fund))
    )
    return {row[0]: int(row[1]) for row in session.connection().execute(statement)}
