"""The frozen input of a run: what is needed, what is on the shelves, and the ways between."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from math import cos, pi, radians
from uuid import UUID

from sqlmodel import Session, select

from optimizer.parts import Corridor, Place, Source
from optimizer.parts import Item as ItemIn
from optimizer.parts import Lane as LaneIn
from optimizer.parts import Need as NeedIn
from optimizer.policy import Policy
from optimizer.problem import Problem
from services.catalog import service as catalog
from services.catalog.models import Item
from services.database import among
from services.dispatch.promise import Due, dues
from services.dispatch.sources import source_name
from services.donations import service as donations
from services.donations.models import EarmarkKind
from services.journal.clock import end_of_day
from services.journal.kinds import AccountKind
from services.journal.read import Holding, holdings
from services.parties import service as parties
from services.parties.models import Site
from services.requests import service as requests
from services.requests.models import TIERS, NeedStatus
from services.requests.service import Served
from services.transport import service as transport
from services.transport.models import Lane
from services.transport.ways import PlannedWay, daily_limits, planned_ways, shipment_loads


def take_snapshot(session: Session, day: date, horizon_days: int, policy: Policy) -> Problem:
    """Everything that a plan for ``day`` may use, read from the journal and the desks' tables.

    Approved needs posted by the end of that day count, with what is still outstanding of them.
    Beside what stands on shelves there is what is due on them within the horizon: it is planned as
    expected, and reserved for nobody (`services.dispatch.store.ExpectedLine`). Of items, sites and
    packs only those are in it that a plan could use. Whether a way keeps goods cold isn't known
    yet, so nothing is said of cold items either: said of items alone, it would stop them.
    """
    regions_of = _regions_by_site(session)
    needs = requests.find_needs(
        session, statuses=[NeedStatus.APPROVED], posted_until=end_of_day(day)
    )
    accepted = catalog.substitutes(session)
    items = {item.code: item for item in catalog.items(session)}
    on_hand = [
        holding
        for holding in holdings(session, kinds=[AccountKind.SITE], state="available")
        if holding.commodity in items
    ]
    coming = [due for due in dues(session, first=day, days=horizon_days + 1) if due.item in items]
    lots = {holding.lot_id for holding in on_hand} | {due.lot_id for due in coming if due.lot_id}
    tokens = {
        lot_id: _token(earmark.kind, earmark.target)
        for lot_id, earmark in donations.earmarks_of(session, lots).items()
    }
    packs = _smallest_packs(session) if policy.whole_packs else {}
    sources = (
        *(_source(holding, day, tokens.get(holding.lot_id), packs) for holding in on_hand),
        *(_due_source(due, day, tokens, packs) for due in coming),
    )
    open_needs = tuple(
        _need(state, day, accepted, regions_of)
        for state in requests.served(session, needs)
        if state.outstanding > 0
    )
    used = {each.item for each in sources} | {each.item for each in open_needs}
    sites = {each.site for each in sources} | {each.site for each in open_needs}
    any_cold = any(items[code].cold for code in used)
    ways = transport.lanes(session)
    return Problem(
        day0=day.isoformat(),
        sources=sources,
        needs=open_needs,
        lanes=tuple(_lane(way, any_cold=any_cold) for way in planned_ways(session, ways)),
        policy=policy,
        horizon_days=horizon_days,
        items=tuple(_item(item) for code, item in items.items() if code in used),
        places=_places(session.exec(select(Site).where(among(Site.code, sites)))),
        corridors=_corridors(session, ways, sources, open_needs, (day, horizon_days)),
    )


def snapshot_bytes(problem: Problem) -> bytes:
    """The bytes that are stored, hashed and logged before solving."""
    return problem.to_json().encode()


def digest_text(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _source(holding: Holding, day: date, token: str | None, packs: dict[str, int]) -> Source:
    site = holding.holder.removeprefix("site:")
    return Source(
        id=source_name(site, holding.lot_id),
        site=site,
        item=holding.commodity,
        quantity=holding.quantity,
        expiry_day=(holding.expires_on - day).days if holding.expires_on else None,
        earmark=token,
        pack_size=packs.get(holding.commodity, 1),
    )


def _due_source(
    due: Due, day: date, tokens: Mapping[UUID, str | None], packs: dict[str, int]
) -> Source:
    """What isn't there yet: it can leave on the day for which its paper promises it."""
    token = tokens.get(due.lot_id) if due.lot_id else None
    return Source(
        id=source_name(due.site, due.subject),
        site=due.site,
        item=due.item,
        quantity=due.pieces,
        ready_day=(due.day - day).days,
        expiry_day=(due.expires_on - day).days if due.expires_on else None,
        earmark=_token(*due.earmark) if due.earmark else token,
        pack_size=packs.get(due.item, 1),
    )


def _token(kind: EarmarkKind, target: str) -> str | None:
    """Whom an earmark keeps goods for; goods of the item that money was for have served it."""
    return None if kind is EarmarkKind.ITEM else f"{kind}:{target}"


def _need(
    state: Served,
    day: date,
    accepted: dict[str, tuple[str, ...]],
    regions_of: dict[str, tuple[str, ...]],
) -> NeedIn:
    need = state.need
    tokens = {f"site:{need.site}", *(f"region:{code}" for code in regions_of[need.site])}
    return NeedIn(
        id=str(need.id),
        site=need.site,
        item=need.item,
        quantity=state.outstanding,
        tier=TIERS[need.priority],
        need_by_day=(need.need_by - day).days,
        posted_at=need.sequence,
        accepts=accepted.get(need.item, ()),
        earmarks=frozenset(tokens),
    )


def _item(item: Item) -> ItemIn:
    return ItemIn(item.code, volume_ml=item.volume_ml, weight_g=item.weight_g, cold=item.cold)


def _lane(way: PlannedWay, *, any_cold: bool) -> LaneIn:
    """What is said of cold only matters, and is only said, where there are cold goods."""
    return LaneIn(
        way.origin,
        way.destination,
        way.distance_m,
        way.transit_days,
        cost_per_piece_micro=way.cost_per_piece_micro,
        cold=way.keeps_cold and any_cold,
    )


def _corridors(
    session: Session,
    ways: Sequence[Lane],
    sources: Sequence[Source],
    needs: Sequence[NeedIn],
    when: tuple[date, int],
) -> tuple[Corridor, ...]:
    """What the lanes can carry on a day, added up from region to region where all state it.

    What shipments take of a day already is gone for the plan.
    """
    day, horizon_days = when
    loads = shipment_loads(session, day, day + timedelta(days=horizon_days))
    ends = {each.site for each in needs}
    starts = {each.site for each in sources}
    zones = {site.code: site.region for site in session.exec(select(Site))}
    return tuple(
        Corridor(
            each.origin_zone,
            each.destination_zone,
            each.volume_ml,
            each.weight_g,
            # What nothing limits nobody adds up.
            tuple(
                (
                    (used_on - day).days,
                    0 if each.volume_ml is None else volume,
                    0 if each.weight_g is None else weight,
                )
                for used_on, volume, weight in each.used
            ),
        )
        for each in daily_limits(ways, zones, starts, ends, loads)
    )


def _smallest_packs(session: Session) -> dict[str, int]:
    """The pieces of the smallest pack that each item comes in."""
    sizes: dict[str, int] = {}
    for pack in catalog.packs(session):
        sizes[pack.item] = min(pack.pieces, sizes.get(pack.item, pack.pieces))
    return sizes


_EARTH_RADIUS_M = 6_371_000
_ALONG_A_MERIDIAN_M = _EARTH_RADIUS_M * pi / 180


def _places(sites: Iterable[Site]) -> tuple[Place, ...]:
    """Positions on a plane true to scale at the sites' middle latitude; zones are regions."""
    found = list(sites)
    if not found:
        return ()
    latitudes = [site.latitude for site in found]
    squeeze = cos(radians((min(latitudes) + max(latitudes)) / 2))
    return tuple(
        Place(
            site.code,
            round(site.longitude * _ALONG_A_MERIDIAN_M * squeeze),
            round(site.latitude * _ALONG_A_MERIDIAN_M),
            zone=site.region,
        )
        for site in found
    )


def _regions_by_site(session: Session) -> dict[str, tuple[str, ...]]:
    above = parties.regions_above(session)
    return {site.code: above[site.region] for site in session.exec(select(Site))}
