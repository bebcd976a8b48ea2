"""What was made: reports of output beside what the journal says of their lots."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.capacity.factories import require_visible
from services.capacity.models import Production
from services.database import among
from services.errors import NotFound
from services.files.models import Attachment
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.read import TracedMove, get_lots, moves_of_lots
from services.parties.service import Actor
from services.web.lists import Asked, Listing, select_page

CERTIFICATE = "certificate"
"""The kind under which a certificate of conformity is attached to a report."""


@dataclass(frozen=True, slots=True)
class Produced:
    """A report of output with the lot that it opened. ``quantity`` is in pieces."""

    production: Production
    lot_id: UUID
    batch: str | None
    produced_on: date | None
    expires_on: date | None
    quantity: int
    occurred_at: datetime


def lot_of(production_id: UUID) -> UUID:
    """The lot that a report of output opens."""
    return uuid5(production_id, "lot")


def find_productions(
    session: Session,
    *,
    sites: Collection[str] | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[Produced]:
    """Reports of output, by site, day and the order in which they came."""
    statement = select(Production).order_by(
        col(Production.site), col(Production.day), col(Production.reported_at), col(Production.id)
    )
    if sites is not None:
        statement = statement.where(among(Production.site, sites))
    if first is not None:
        statement = statement.where(Production.day >= first)
    if last is not None:
        statement = statement.where(Production.day <= last)
    return produced(session, list(session.exec(statement)))


def produced(session: Session, productions: Sequence[Production]) -> list[Produced]:
    """Reports with their lots and quantities, in the order given."""
    lots = get_lots(session, [lot_of(production.id) for production in productions])
    made: dict[UUID, int] = dict.fromkeys(lots, 0)
    reported: dict[UUID, datetime] = {}
    for move in moves_of_lots(session, list(lots)):
        reported.setdefault(move.lot_id, move.occurred_at)
        made[move.lot_id] += _made_by(move)
    return [
        Produced(
            production=row,
            lot_id=lot.id,
            batch=lot.batch,
            produced_on=lot.produced_on,
            expires_on=lot.expires_on,
            quantity=made[lot.id],
            occurred_at=reported[lot.id],
        )
        for row in productions
        for lot in [lots[lot_of(row.id)]]
    ]


def _made_by(move: TracedMove) -> int:
    """What a move says was made; a reversal takes it back, and what is given back was made."""
    if move.kind is EntryKind.REPORT_OUTPUT:
        return move.quantity
    is_to_maker = AccountRef.parse(move.target).kind is AccountKind.PRODUCER
    return -move.quantity if move.kind is EntryKind.REVERSE and is_to_maker else 0


def list_productions(
    session: Session,
    asked: Asked,
    *,
    sites: Collection[str] | None,
    item: str | None = None,
    first: date | None = None,
    last: date | None = None,
    order_id: UUID | None = None,
    certificate: bool | None = None,
) -> Listing[Produced]:
    """Reports of output by site and day; ``certificate`` False: those that have none attached."""
    statement = select(Production)
    if sites is not None:
        statement = statement.where(among(Production.site, sites))
    if item is not None:
        statement = statement.where(Production.item == item)
    if first is not None:
        statement = statement.where(Production.day >= first)
    if last is not None:
        statement = statement.where(Production.day <= last)
    if order_id is not None:
        statement = statement.where(Production.order_id == order_id)
    if certificate is not None:
        attached = (
            sa.exists()
            .where(col(Attachment.subject) == sa.literal("production:") + _id_text())
            .where(col(Attachment.kind) == CERTIFICATE)
        )
        statement = statement.where(attached if certificate else ~attached)
    order = {
        "site": col(Production.site),
        "day": col(Production.day),
        "item": col(Production.item),
        "reported_at": col(Production.reported_at),
    }
    if not asked.sort:
        statement = statement.order_by(col(Production.site), col(Production.day))
    listing = select_page(session, statement, order, asked, tie=col(Production.id))
    return listing.map(lambda rows: produced(session, rows))


def _id_text() -> sa.ColumnElement[str]:
    return sa.cast(col(Production.id), sa.Text())


def get_production(session: Session, actor: Actor, production_id: UUID) -> Produced:
    """A report of one's own factory, or any at a desk.

    Raises:
        NotFound, Forbidden: there is none, or it is another organisation's.

    """
    row = session.get(Production, production_id)
    if row is None:
        raise NotFound(f"There is no production {production_id}", field="id", value=production_id)
    require_visible(session, actor, row.site)
    return produced(session, [row])[0]


def subject_of(production_id: UUID) -> str:
    """What a report's files are filed under."""
    return f"production:{production_id}"
