"""Shipments that are late, looked for about once a minute: people are told, nothing is moved.

Whether one is late is judged by its own time. From its last word (a step, or a position) it had so
long until the end of the day that it is due on; when that much has passed since the word was
recorded, it is late. So a plan of long ago that is entered today isn't late today, and one whose
last word came after its due day is late at once. A newer estimate beyond the due day says so too.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.database import among
from services.journal.clock import end_of_day
from services.journal.read import get_lots
from services.parties.models import Role, Site
from services.transport.models import Shipment, ShipmentEvent, ShipmentLine, ShipmentState
from services.transport.track_models import Position

_OPEN = (
    ShipmentState.PLANNED,
    ShipmentState.PICKED,
    ShipmentState.LOADED,
    ShipmentState.DISPATCHED,
    ShipmentState.ARRIVED,
)
_MOST = 5_000
_Word = tuple[datetime, datetime]
"""When something was, in the world, and when it was recorded."""


def watch(session: Session, now: datetime) -> None:
    """Raise an alert for each late shipment, and close those of shipments that aren't any more."""
    found = session.exec(
        select(Shipment)
        .where(col(Shipment.state).in_(_OPEN))
        .order_by(col(Shipment.due_on), col(Shipment.id))
        .limit(_MOST)
    ).all()
    words = _last_words(session, found)
    estimates = _estimates(session, found)
    sites = _sites(session, found)
    late = []
    for shipment in found:
        word = words.get(shipment.id)
        due = end_of_day(shipment.due_on)
        expected = estimates.get(shipment.id)
        over = word is not None and is_late(due, word, now)
        if over or (expected is not None and expected > due):
            late.append((shipment, over))
    items = _items(session, [shipment.id for shipment, _ in late])
    for shipment, over in late:
        _tell(session, shipment, sites[shipment.destination], items.get(shipment.id), over=over)
    subjects = [f"shipment:{shipment.id}" for shipment, _ in late]
    close_others(session, AlertKind.SHIPMENT_LATE, subjects)


def is_late(due: datetime, word: "_Word", now: datetime) -> bool:
    """Whether the time that was left at the last word has passed since it was recorded."""
    occurred_at, recorded_at = word
    return now > recorded_at + max(timedelta(), due - occurred_at)


def _last_words(session: Session, found: Sequence[Shipment]) -> dict[object, "_Word"]:
    ids = [each.id for each in found]
    told = sa.union_all(
        *(
            sa.select(col(kind.shipment_id), col(kind.occurred_at), col(kind.recorded_at)).where(
                among(kind.shipment_id, ids)
            )
            for kind in (ShipmentEvent, Position)
        )
    ).subquery()
    newest = (
        sa.select(told)
        .ext(distinct_on(told.c.shipment_id))
        .order_by(told.c.shipment_id, told.c.recorded_at.desc())
    )
    rows = session.connection().execute(newest)
    return {row.shipment_id: (row.occurred_at, row.recorded_at) for row in rows}


def _estimates(session: Session, found: Sequence[Shipment]) -> dict[object, datetime]:
    """The newest estimated arrival of each shipment that has one."""
    statement = (
        sa.select(col(Position.shipment_id), col(Position.expected_at))
        .ext(distinct_on(col(Position.shipment_id)))
        .where(
            among(Position.shipment_id, [each.id for each in found]),
            col(Position.expected_at).is_not(None),
        )
        .order_by(col(Position.shipment_id), col(Position.occurred_at).desc())
    )
    rows = session.connection().execute(statement)
    return {shipment_id: at for shipment_id, at in rows if at is not None}


def _sites(session: Session, found: Sequence[Shipment]) -> dict[str, Site]:
    rows = session.exec(select(Site).where(among(Site.code, {each.destination for each in found})))
    return {site.code: site for site in rows}


def _items(session: Session, shipments: Sequence[UUID]) -> dict[UUID, str]:
    """The item of each shipment that brings no other: who chose other items isn't told."""
    # Of what was diverted as a whole an empty line is left.
    lines = session.exec(
        select(ShipmentLine).where(
            among(ShipmentLine.shipment_id, shipments), ShipmentLine.quantity_base > 0
        )
    )
    lots_by_shipment: dict[UUID, set[UUID]] = defaultdict(set)
    for line in lines:
        lots_by_shipment[line.shipment_id].add(line.lot_id)
    lots = get_lots(session, set[UUID]().union(*lots_by_shipment.values()))
    found = {
        shipment: {lots[lot_id].commodity for lot_id in lot_ids}
        for shipment, lot_ids in lots_by_shipment.items()
    }
    return {shipment: items.pop() for shipment, items in found.items() if len(items) == 1}


def _tell(
    session: Session, shipment: Shipment, site: Site, item: str | None, *, over: bool
) -> None:
    raise_alert(
        session,
        AlertKind.SHIPMENT_LATE,
        f"shipment:{shipment.id}",
        Severity.WARNING if over else Severity.NOTICE,
        path=f"/shipments/{shipment.id}",
        roles=(Role.DISPATCHER,),
        organisation=site.organisation,
        site=site.code,
        region=site.region,
        item=item,
        facts={
            "site": site.code,
            "origin": shipment.origin,
            "carrier": shipment.carrier,
            "due_on": shipment.due_on.isoformat(),
        },
    )
