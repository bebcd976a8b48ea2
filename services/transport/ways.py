"""What a plan may use of the lanes: how long they take, what a piece costs, what they carry."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.journal.read import get_lots
from services.settings import get_settings
from services.transport.durations import days_to_plan_with, observed
from services.transport.models import Lane, Shipment, ShipmentLine, ShipmentState
from services.transport.service import lanes

_ML_PER_L, _G_PER_KG = 1000, 1000
# What was called off, or is on another shipment now.
_NEVER_LEFT = (ShipmentState.CANCELLED, ShipmentState.JOINED)


@dataclass(frozen=True, slots=True)
class PlannedWay:
    """A lane in the units of the optimizer; ``transit_days`` may be the observed ones."""

    origin: str
    destination: str
    distance_m: int
    transit_days: int
    cost_per_piece_micro: int
    keeps_cold: bool


Load = tuple[int, int]
"""Volume in ml and weight in g."""

Loads = Mapping[tuple[str, str], Mapping[date, Load]]
"""By lane (origin and destination) and day of leaving."""


@dataclass(frozen=True, slots=True)
class DailyLimit:
    """What all lanes from one zone to another carry on a day; None is no limit.

    ``used`` is what of it shipments take already, by day.
    """

    origin_zone: str
    destination_zone: str
    volume_ml: int | None
    weight_g: int | None
    used: tuple[tuple[date, int, int], ...] = ()


def planned_ways(session: Session, rows: Iterable[Lane] | None = None) -> list[PlannedWay]:
    """Every lane as a plan is to see it, by the setting about observed days."""
    use_observed = get_settings().plan_with_observed_days
    known = observed(session) if use_observed else {}
    return [
        PlannedWay(
            lane.origin,
            lane.destination,
            lane.distance_m,
            days_to_plan_with(lane, known, use_observed=use_observed),
            lane.cost_per_piece_micro,
            lane.keeps_cold,
        )
        for lane in (lanes(session) if rows is None else rows)
    ]


def shipment_loads(session: Session, first: date, last: date) -> Loads:
    """What leaves or has left on these days, whatever became of it on the way."""
    rows = session.exec(
        select(Shipment, ShipmentLine)
        .join(ShipmentLine, col(ShipmentLine.shipment_id) == col(Shipment.id))
        .where(
            col(Shipment.depart_on).between(first, last),
            col(Shipment.state).not_in(_NEVER_LEFT),
        )
    ).all()
    lots = get_lots(session, {line.lot_id for _, line in rows})
    items = {item.code: item for item in catalog.items(session)}
    found: dict[tuple[str, str], dict[date, Load]] = {}
    for shipment, line in rows:
        item = items[lots[line.lot_id].commodity]
        by_day = found.setdefault((shipment.origin, shipment.destination), {})
        volume, weight = by_day.get(shipment.depart_on, (0, 0))
        by_day[shipment.depart_on] = (
            volume + line.quantity_base * item.volume_ml,
            weight + line.quantity_base * item.weight_g,
        )
    return found


def daily_limits(
    rows: Iterable[Lane],
    zones: Mapping[str, str],
    origins: Collection[str],
    destinations: Collection[str],
    loads: Loads | None = None,
) -> list[DailyLimit]:
    """The lanes' capacities added up from zone to zone, of the sites that a plan uses.

    A sum is known only where each of these lanes states its own: one that doesn't is unlimited.
    What a lane's own shipments (``loads``) take of a sum is no more than what the lane adds to it.
    """
    groups: dict[tuple[str, str], list[Lane]] = {}
    for lane in rows:
        if lane.origin in origins and lane.destination in destinations:
            groups.setdefault((zones[lane.origin], zones[lane.destination]), []).append(lane)
    limits = [
        DailyLimit(
            *pair,
            _sum([lane.volume_l_per_day for lane in group], _ML_PER_L),
            _sum([lane.weight_kg_per_day for lane in group], _G_PER_KG),
            _used(group, loads or {}),
        )
        for pair, group in sorted(groups.items())
    ]
    return [each for each in limits if each.volume_ml is not None or each.weight_g is not None]


def _used(group: Iterable[Lane], loads: Loads) -> tuple[tuple[date, int, int], ...]:
    found: dict[date, Load] = {}
    for lane in group:
        most = lane.volume_l_per_day, lane.weight_kg_per_day
        for day, (volume, weight) in loads.get((lane.origin, lane.destination), {}).items():
            before = found.get(day, (0, 0))
            found[day] = (
                before[0] + _at_most(volume, most[0], _ML_PER_L),
                before[1] + _at_most(weight, most[1], _G_PER_KG),
            )
    return tuple((day, *found[day]) for day in sorted(found))


def _at_most(load: int, stated: int | None, factor: int) -> int:
    return load if stated is None else min(load, stated * factor)


def _sum(stated: Collection[int | None], factor: int) -> int | None:
    known = [each for each in stated if each is not None]
    return sum(known) * factor if len(known) == len(stated) else None
