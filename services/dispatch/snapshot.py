"""The frozen input of a run: what is needed, what is on the shelves, and the ways between."""

import hashlib
from datetime import date

from sqlmodel import Session, select

from optimizer.problem import Lane as LaneIn
from optimizer.problem import Need as NeedIn
from optimizer.problem import Policy, Problem, Source
from services.catalog import service as catalog
from services.donations import service as donations
from services.donations.models import EarmarkKind, LotEarmark
from services.journal.clock import end_of_day
from services.journal.kinds import AccountKind
from services.journal.read import Holding, holdings
from services.parties import service as parties
from services.parties.models import Site
from services.requests import service as requests
from services.requests.models import TIERS, NeedStatus
from services.requests.service import Served
from services.transport import service as transport


def take_snapshot(session: Session, day: date, horizon_days: int, policy: Policy) -> Problem:
    """Everything that a plan for ``day`` may use, read from the journal and the desks' tables.

    Needs posted by the end of that day count, with what is still outstanding of them.
    """
    regions_of = _regions_by_site(session)
    needs = requests.find_needs(
        session, statuses=[NeedStatus.SUBMITTED], posted_until=end_of_day(day)
    )
    accepted = catalog.substitutes(session)
    items = {item.code for item in catalog.items(session)}
    on_hand = [
        holding
        for holding in holdings(session, kinds=[AccountKind.SITE], state="available")
        if holding.commodity in items
    ]
    earmarks = donations.earmarks_of(session, {holding.lot_id for holding in on_hand})
    return Problem(
        day0=day.isoformat(),
        sources=tuple(_source(holding, day, earmarks.get(holding.lot_id)) for holding in on_hand),
        needs=tuple(
            _need(state, day, accepted, regions_of)
            for state in requests.served(session, needs)
            if state.outstanding > 0
        ),
        lanes=tuple(
            LaneIn(lane.origin, lane.destination, lane.distance_m, lane.duration_days)
            for lane in transport.lanes(session)
        ),
        policy=policy,
        horizon_days=horizon_days,
    )


def snapshot_bytes(problem: Problem) -> bytes:
    """The bytes that are stored, hashed and logged before solving."""
    return problem.to_json().encode()


def digest_text(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def source_id(holding: Holding) -> str:
    """One lot at one site."""
    return f"{holding.holder.removeprefix('site:')}|{holding.lot_id}"


def _source(holding: Holding, day: date, earmark: LotEarmark | None) -> Source:
    restricts = earmark is not None and earmark.kind is not EarmarkKind.ITEM
    return Source(
        id=source_id(holding),
        site=holding.holder.removeprefix("site:"),
        item=holding.commodity,
        quantity=holding.quantity,
        expiry_day=(holding.expires_on - day).days if holding.expires_on else None,
        earmark=f"{earmark.kind}:{earmark.target}" if earmark and restricts else None,
    )


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


def _regions_by_site(session: Session) -> dict[str, tuple[str, ...]]:
    above = parties.regions_above(session)
    return {site.code: above[site.region] for site in session.exec(select(Site))}
