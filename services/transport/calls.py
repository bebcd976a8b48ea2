"""Where a shipment stands on a round: which one, which stop, when; or why on none."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.transport.models import (
    Round,
    RoundLeftOut,
    RoundLoad,
    RoundsPlan,
    RoundsState,
    RoundStop,
    Shipment,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A stop at which a part of a shipment, or all of it, is handed over from ``begins_at`` on."""

    plan_id: UUID
    number: int
    stop: int
    vehicle: str
    unit: int
    begins_at: datetime


@dataclass(frozen=True, slots=True)
class Calls:
    """A shipment's calls, by time, and why a part of it is on none, as in ``RoundLeftOut``."""

    calls: tuple[Call, ...]
    left_out: tuple[str, ...]


def calls_of(session: Session, shipments: Sequence[Shipment]) -> dict[UUID, Calls]:
    """For each shipment of a plan of rounds, what the plan started last says of it."""
    ids = [shipment.id for shipment in shipments]
    plans = _plans(session, ids)
    calls: dict[UUID, set[Call]] = defaultdict(set)
    rows = session.exec(
        select(RoundLoad.shipment_id, RoundStop, Round)
        .join(
            RoundStop,
            sa.and_(
                col(RoundStop.plan_id) == col(RoundLoad.plan_id),
                col(RoundStop.number) == col(RoundLoad.number),
                col(RoundStop.stop) == col(RoundLoad.stop),
            ),
        )
        .join(
            Round,
            sa.and_(
                col(Round.plan_id) == col(RoundLoad.plan_id),
                col(Round.number) == col(RoundLoad.number),
            ),
        )
        .where(among(RoundLoad.shipment_id, ids), among(RoundLoad.plan_id, set(plans.values())))
    )
    for shipment_id, stop, on in rows:
        if plans[shipment_id] == stop.plan_id:
            calls[shipment_id].add(
                Call(stop.plan_id, on.number, stop.stop, on.vehicle, on.unit, stop.begins_at)
            )
    reasons = _reasons(session, plans)
    return {
        shipment_id: Calls(
            tuple(sorted(calls[shipment_id], key=lambda each: (each.begins_at, each.number))),
            tuple(sorted(reasons[shipment_id])),
        )
        for shipment_id in plans
    }


def _plans(session: Session, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """By shipment, the plan that was started last of those that tell of it."""
    told = sa.union(
        sa.select(col(RoundLoad.shipment_id), col(RoundLoad.plan_id)).where(
            among(RoundLoad.shipment_id, ids)
        ),
        sa.select(col(RoundLeftOut.shipment_id), col(RoundLeftOut.plan_id)).where(
            among(RoundLeftOut.shipment_id, ids)
        ),
    ).subquery()
    rows = session.connection().execute(
        sa.select(told.c.shipment_id, told.c.plan_id)
        .join(RoundsPlan, col(RoundsPlan.id) == told.c.plan_id)
        .where(col(RoundsPlan.state) == RoundsState.PLANNED)
        .order_by(col(RoundsPlan.started_at), col(RoundsPlan.id))
    )
    return {shipment_id: plan_id for shipment_id, plan_id in rows}  # noqa: C416 — the last one stays


def _reasons(session: Session, plans: dict[UUID, UUID]) -> dict[UUID, set[str]]:
    reasons: dict[UUID, set[str]] = defaultdict(set)
    for row in session.exec(select(RoundLeftOut).where(among(RoundLeftOut.shipment_id, plans))):
        if plans[row.shipment_id] == row.plan_id:
            reasons[row.shipment_id].add(row.reason)
    return reasons
