"""What rounds of a day are planned from: shipments that wait, lorries, hours and roads, frozen.

A lorry carries what its own carrier was given to carry. So a depot of the problem is a carrier's
yard at a site, ``WH1|CA01``: goods that another carrier brings from there stand in another one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, time
from uuid import UUID

from sqlmodel import Session, col, select

from optimizer.rounds_parts import (
    LATEST_S,
    Drop,
    Goods,
    Road,
    RoundsProblem,
    Site,
)
from optimizer.rounds_parts import Vehicle as LorryIn
from services.catalog import service as catalog
from services.catalog.models import Item
from services.database import among
from services.journal.read import get_lots
from services.parties.pages import sites_by_code
from services.requests.models import TIERS, Need
from services.rounds import fleet
from services.transport.models import (
    DEFAULT_CLOSES_AT,
    DEFAULT_LOADING_MINUTES,
    DEFAULT_OPENS_AT,
    DEFAULT_SERVICE_MINUTES,
    Lane,
    Shipment,
    ShipmentLine,
    ShipmentState,
    SiteHours,
    Vehicle,
)

# Not on the road yet: they can still be loaded in another order.
WAITING = (ShipmentState.PLANNED, ShipmentState.PICKED)
_MINUTE_S = 60
# What fills up another shelf is no more pressing than the least pressing need.
_TRANSFER_TIER = max(TIERS.values())


def waiting_shipments(session: Session, day: date, depot: str | None) -> list[Shipment]:
    """What was to leave by the day (from the depot) and hasn't left."""
    statement = select(Shipment).where(
        col(Shipment.depart_on) <= day, col(Shipment.state).in_(WAITING)
    )
    if depot is not None:
        statement = statement.where(Shipment.origin == depot)
    return list(session.exec(statement.order_by(col(Shipment.id))))


def freeze(
    session: Session, shipments: Sequence[Shipment], vehicles: Sequence[Vehicle], speed_kmh: int
) -> RoundsProblem:
    """The problem of bringing these shipments with these lorries on their one day."""
    used = {_yard(each.origin, each.carrier) for each in shipments}
    lorries = [each for each in vehicles if _yard(each.depot, each.carrier) in used]
    ends = {each.destination for each in shipments}
    return RoundsProblem(
        sites=tuple(_sites(session, used, ends)),
        vehicles=tuple(_lorry(each) for each in lorries),
        drops=tuple(_drops(session, shipments)),
        roads=tuple(_roads(session, used, ends)),
        speed_m_per_h=speed_kmh * 1000,
    )


def _yard(site: str, carrier: str) -> str:
    return f"{site}|{carrier}"


def site_and_carrier(yard: str) -> tuple[str, str]:
    site, _, carrier = yard.partition("|")
    return site, carrier


def _sites(session: Session, yards: Iterable[str], ends: Iterable[str]) -> list[Site]:
    sites = sites_by_code(session)
    hours = {row.site: row for row in fleet.site_hours(session)}

    def place(code: str, site: str, times: tuple[int, int, int]) -> Site:
        row = sites[site]
        return Site(code, round(row.latitude * 1e6), round(row.longitude * 1e6), *times)

    depots = [
        place(yard, site, depot_times(hours.get(site)))
        for yard in sorted(yards)
        for site, _ in [site_and_carrier(yard)]
    ]
    return [*depots, *(place(code, code, stop_times(hours.get(code))) for code in sorted(ends))]


def stop_times(hours: SiteHours | None) -> tuple[int, int, int]:
    """Opening, closing and the length of a call, in seconds of the day; as usual where unsaid."""
    if hours is None:
        opens, closes = DEFAULT_OPENS_AT, DEFAULT_CLOSES_AT
        return _seconds(opens), _seconds(closes), DEFAULT_SERVICE_MINUTES * _MINUTE_S
    return (
        _seconds(hours.opens_at),
        _seconds(hours.closes_at),
        hours.service_minutes * _MINUTE_S,
    )


def depot_times(hours: SiteHours | None) -> tuple[int, int, int]:
    """As ``stop_times``; at a depot that hasn't said its hours, lorries may come at any time."""
    return stop_times(hours) if hours else (0, LATEST_S, DEFAULT_LOADING_MINUTES * _MINUTE_S)


def _seconds(moment: time) -> int:
    return (moment.hour * 60 + moment.minute) * _MINUTE_S + moment.second


def _lorry(each: Vehicle) -> LorryIn:
    starts_s, shift_s = _seconds(each.starts_at), each.shift_minutes * _MINUTE_S
    return LorryIn(
        code=each.code,
        depot=_yard(each.depot, each.carrier),
        volume_ml=each.volume_l * 1000,
        weight_g=each.weight_kg * 1000,
        cold=each.cold,
        count=each.count,
        starts_s=starts_s,
        ends_s=starts_s + shift_s,
        shift_s=shift_s,
        most_rounds=each.most_rounds,
    )


def _drops(session: Session, shipments: Sequence[Shipment]) -> list[Drop]:
    lines = _lines(session, [each.id for each in shipments])
    wanted = [line for each in lines.values() for line in each]
    lots = get_lots(session, {line.lot_id for line in wanted})
    tiers = _tiers(session, {line.need_id for line in wanted if line.need_id})
    items = {item.code: item for item in catalog.items(session)}
    return [
        Drop(
            id=str(shipment.id),
            site=shipment.destination,
            depots=(_yard(shipment.origin, shipment.carrier),),
            goods=tuple(
                _goods(line, items[lots[line.lot_id].commodity]) for line in lines[shipment.id]
            ),
            tier=min(
                tiers.get(line.need_id, _TRANSFER_TIER) if line.need_id else _TRANSFER_TIER
                for line in lines[shipment.id]
            ),
        )
        for shipment in shipments
    ]


def _goods(line: ShipmentLine, item: Item) -> Goods:
    return Goods(str(line.line), line.quantity_base, item.volume_ml, item.weight_g, cold=item.cold)


def _lines(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[ShipmentLine]]:
    found: dict[UUID, list[ShipmentLine]] = defaultdict(list)
    order = select(ShipmentLine).where(among(ShipmentLine.shipment_id, ids))
    for row in session.exec(order.order_by(col(ShipmentLine.line))):
        found[row.shipment_id].append(row)
    return found


def _tiers(session: Session, ids: Iterable[UUID]) -> dict[UUID, int]:
    rows = session.exec(select(Need).where(among(Need.id, ids)))
    return {need.id: TIERS[need.priority] for need in rows}


def _roads(session: Session, yards: Iterable[str], ends: set[str]) -> list[Road]:
    """The lanes' own lengths between depots and sites; other ways are reckoned from positions."""
    by_site: dict[str, list[str]] = defaultdict(list)
    for yard in sorted(yards):
        by_site[site_and_carrier(yard)[0]].append(yard)
    lanes = session.exec(
        select(Lane).where(among(Lane.origin, by_site), among(Lane.destination, ends))
    )
    return [
        Road(yard, lane.destination, lane.distance_m)
        for lane in lanes
        for yard in by_site[lane.origin]
    ]
