"""Goods under way that are taken to another site for needs that wait for them there.

Transport knows shipments and requests know needs: here the one is held against the other.
"""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.database import among
from services.donations import service as donations
from services.donations.models import EarmarkKind
from services.errors import Conflict, NotFound
from services.parties import service as parties
from services.parties.service import Actor
from services.requests import service as requests
from services.requests.models import Need, NeedStatus
from services.requests.service import Served
from services.transport import diverting
from services.transport.diverting import Taken
from services.transport.models import Shipment
from services.transport.schemas import DivertIn


class NeedNotWaiting(Conflict):
    code, title = "need-not-waiting", "No such need waits for these goods there"


def divert(session: Session, actor: Actor, shipment_id: UUID, body: DivertIn) -> Shipment:
    """Take all or part of a shipment to another site, for needs there or onto its shelf.

    Raises:
        NotFound: there is no such need.
        NeedNotWaiting: another site's or item's, not approved, or not waiting for so many.

    """
    return diverting.divert(session, actor, shipment_id, body, _hold_waiting)


def waiting(session: Session, site: str) -> list[Served]:
    """Approved needs of a site that nobody has set enough aside for."""
    approved = requests.find_needs(session, sites=[site], statuses=[NeedStatus.APPROVED])
    return [each for each in requests.served(session, approved) if each.outstanding]


def accepted_for(session: Session, item: str) -> list[str]:
    """The items whose needs this one may serve: its own, and those that it stands in for."""
    others = catalog.substitutes(session)
    return [item, *(wanted for wanted, instead in others.items() if item in instead)]


def _hold_waiting(session: Session, site: str, taken: Sequence[Taken]) -> None:
    """Hold the needs still, in one order, and refuse what they don't wait for."""
    ids = {each.need_id for each in taken if each.need_id is not None}
    held = session.exec(
        select(Need)
        .where(among(Need.id, ids))
        .order_by(col(Need.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    states = {state.need.id: state for state in requests.served(session, held)}
    elsewhere = _kept_for_others(session, site, {each.lot.id for each in taken})
    wanted: dict[UUID, int] = defaultdict(int)
    for each in taken:
        assert each.need_id is not None, "only what is for a need is asked about"
        state = states.get(each.need_id)
        if state is None:
            raise NotFound(
                f"There is no need {each.need_id}",
                field=f"{each.field}.need_id",
                value=each.need_id,
                mend="see GET /api/v1/needs",
            )
        wanted[each.need_id] += each.quantity
        why = _why_not(session, site, each, state, wanted[each.need_id])
        if why is None and each.lot.id in elsewhere:
            why = f"mustn't have lot {each.lot.id}: its donor gave it for {elsewhere[each.lot.id]}"
        if why is not None:
            raise NeedNotWaiting(
                f"Need {each.need_id} {why}",
                field=f"{each.field}.need_id",
                value=each.need_id,
                mend="name an approved need of that site for this item, or none: then the goods "
                "come onto the shelf there",
            )


def _why_not(session: Session, site: str, each: Taken, state: Served, wanted: int) -> str | None:
    """Why a need doesn't wait for these goods; None where it does."""
    need = state.need
    if need.site != site:
        return f"is {need.site}'s"
    if need.item not in accepted_for(session, each.lot.commodity):
        return f"is for {need.item}, which {each.lot.commodity} doesn't stand in for"
    if need.status is not NeedStatus.APPROVED:
        return f"is {need.status}"
    if wanted > state.outstanding:
        return f"has {state.outstanding} pieces outstanding, not {wanted}"
    return None


def _kept_for_others(session: Session, site: str, lot_ids: set[UUID]) -> dict[UUID, str]:
    """Of these lots, those that an earmark keeps for another place, and for which."""
    above = parties.regions_above(session)
    mine = {site, *above[parties.get_site(session, site).region]}
    return {
        lot_id: mark.target
        for lot_id, mark in donations.earmarks_of(session, lot_ids).items()
        if mark.kind is not EarmarkKind.ITEM and mark.target not in mine
    }
