"""What stands on shelves and expires soon, or has expired."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col

from services.journal.models import Account, Balance, Entry, Lot


@dataclass(frozen=True, slots=True)
class Expiring:
    """``quantity`` of one lot with one holder, in all the states that were asked for."""

    lot_id: UUID
    commodity: str
    batch: str | None
    expires_on: date
    holder: str
    quantity: int


def expiring(
    session: Session,
    until: date,
    *,
    states: Collection[str],
    entered_within: timedelta,
    limit: int,
) -> list[Expiring]:
    """Lots at sites that expire up to a day, the first to expire first.

    Lots that were written down later than ``entered_within`` after they came are history.
    """
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(Lot.id).label("lot_id"),
            col(Lot.commodity),
            col(Lot.batch),
            col(Lot.expires_on),
            col(Account.holder),
            sa.cast(sa.func.sum(col(Balance.inflow) - col(Balance.outflow)), sa.BigInteger).label(
                "quantity"
            ),
        )
        .select_from(Lot)
        .join(Balance, col(Balance.lot_id) == col(Lot.id))
        .join(Account, col(Account.code) == col(Balance.account))
        .join(Entry, col(Entry.id) == col(Lot.entry_id))
        .where(
            col(Lot.expires_on) <= until,
            col(Account.holder).startswith("site:"),
            col(Account.state).in_(states),
            col(Balance.inflow) > col(Balance.outflow),
            col(Entry.recorded_at) - col(Entry.occurred_at) < entered_within,
        )
        .group_by(col(Lot.id), col(Account.holder))
        .order_by(col(Lot.expires_on), col(Lot.id), col(Account.holder))
        .limit(limit)
    )
    return [Expiring(**row) for row in session.connection().execute(statement).mappings()]
