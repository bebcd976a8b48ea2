"""How long a lane really takes: a reading of its last deliveries, beside what its carrier states.

It is the median of the last ten deliveries in whole days from departure to the door, the greater
of the two middle ones where they are even in number. Fewer than three tell nothing, and diverted
shipments don't count.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median_high

import sqlalchemy as sa
from sqlmodel import Session, col

from services.journal.clock import local_date
from services.transport.models import Lane, Shipment, ShipmentEvent, ShipmentState

LAST, LEAST = 10, 3
Way = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Observed:
    """``days`` is the median of so many ``deliveries``."""

    days: int
    deliveries: int


def observed(session: Session) -> dict[Way, Observed]:
    """By origin and destination, how long the last deliveries took, where enough are known."""
    newest = _journeys().subquery()
    rows = session.connection().execute(sa.select(newest).where(newest.c.nth <= LAST))
    days: dict[Way, list[int]] = defaultdict(list)
    for row in rows:
        taken = (local_date(row.delivered_at) - local_date(row.left_at)).days
        days[row.origin, row.destination].append(max(0, taken))
    return {
        way: Observed(median_high(known), len(known))
        for way, known in days.items()
        if len(known) >= LEAST
    }


def _journeys() -> "sa.Select[*tuple[object, ...]]":
    """Departure and delivery of each shipment that went its way, numbered from the newest."""
    leaving, handing = sa.alias(_events(), "leaving"), sa.alias(_events(), "handing")
    left_at, delivered_at = sa.func.min(leaving.c.occurred_at), sa.func.min(handing.c.occurred_at)
    way = (col(Shipment.origin), col(Shipment.destination))
    nth = sa.func.row_number().over(
        partition_by=way, order_by=(delivered_at.desc(), col(Shipment.id))
    )
    return (
        sa.select(
            *way,
            left_at.label("left_at"),
            delivered_at.label("delivered_at"),
            nth.label("nth"),
        )
        .join(leaving, leaving.c.shipment_id == col(Shipment.id))
        .join(handing, handing.c.shipment_id == col(Shipment.id))
        .where(
            leaving.c.state == ShipmentState.DISPATCHED,
            handing.c.state == ShipmentState.DELIVERED,
            col(Shipment.diverted_from).is_(None),
        )
        .group_by(col(Shipment.id), *way)
        .having(sa.func.count(sa.distinct(leaving.c.sequence)) == 1)
    )


def _events() -> sa.Table:
    table: sa.Table = ShipmentEvent.__table__  # type: ignore[attr-defined]
    return table


def days_to_plan_with(lane: Lane, known: Mapping[Way, Observed], *, use_observed: bool) -> int:
    """The stated days, or, where that is wanted and they are more, those that were observed."""
    seen = known.get((lane.origin, lane.destination)) if use_observed else None
    return max(lane.duration_days, seen.days) if seen else lane.duration_days
