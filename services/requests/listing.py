"""Lists of needs and requests: filtered by what people decided and by how far needs are served."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.database import among
from services.errors import NotFound
from services.parties import service as parties
from services.parties.models import DESKS, Role, Site
from services.parties.service import Actor
from services.requests.models import LIVE, Need, NeedStatus, Priority, SupplyRequest
from services.requests.served import Served, served
from services.web.lists import Asked, Listing, cut_page, select_page


class StateFilter(StrEnum):
    """A need's ``progress``, or ``open``: everything that is still to be decided or served."""

    OPEN = "open"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    PARTLY_ALLOCATED = "partly_allocated"
    ALLOCATED = "allocated"
    IN_TRANSIT = "in_transit"
    FULFILLED = "fulfilled"
    RETURNED = "returned"
    REFUSED = "refused"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


_OPEN = (NeedStatus.DRAFT, NeedStatus.RETURNED, *LIVE, NeedStatus.LAPSED)
# A status by itself tells these; of the others the journal is asked too.
_TOLD_BY_STATUS = {"draft", "submitted", "returned", "refused", "cancelled"}
_STATUSES: dict[str, Sequence[NeedStatus]] = {
    "open": _OPEN,
    "lapsed": (NeedStatus.LAPSED,),
    "fulfilled": (NeedStatus.APPROVED, NeedStatus.LAPSED),
    **{name: (NeedStatus(name),) for name in _TOLD_BY_STATUS},
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which needs are asked for; what is None doesn't narrow the list."""

    site: str | None = None
    region: str | None = None
    item: str | None = None
    priority: Priority | None = None
    state: StateFilter | None = None
    need_by_until: date | None = None


_PRIORITY_RANK = sa.case(
    {each.value: rank for rank, each in enumerate(Priority)}, value=Need.priority
)
_IN_SQL: Mapping[str, Any] = {
    "sequence": Need.sequence,
    "site": Need.site,
    "item": Need.item,
    "quantity_base": Need.quantity_base,
    "approved_base": Need.approved_base,
    "priority": _PRIORITY_RANK,
    "need_by": Need.need_by,
    "posted_at": Need.posted_at,
    "status": Need.status,
}
_RANK = {each: rank for rank, each in enumerate(Priority)}
_IN_MEMORY: Mapping[str, Callable[[Served], Any]] = {
    "sequence": lambda it: it.need.sequence,
    "site": lambda it: it.need.site,
    "item": lambda it: it.need.item,
    "quantity_base": lambda it: it.need.quantity_base,
    "approved_base": lambda it: it.need.approved_base,
    "priority": lambda it: _RANK[it.need.priority],
    "need_by": lambda it: it.need.need_by,
    "posted_at": lambda it: it.need.posted_at,
    "status": lambda it: it.need.status.value,
    "progress": lambda it: it.progress,
    "received_base": lambda it: it.received,
    "outstanding_base": lambda it: it.outstanding,
    "days_of_cover": lambda it: it.days_of_cover,
}


def list_needs(session: Session, actor: Actor, wanted: Wanted, asked: Asked) -> Listing[Served]:
    """The needs that an actor may see: one's own sites', or, at a desk, everybody's but drafts.

    Where a filter or an order goes by what the journal says, all that is left by the other filters
    is read; otherwise only the part that is shown.

    Raises:
        NotFound: an unknown region.
        InvalidInput: no such column to sort by.

    """
    statement = _select(session, actor, wanted)
    by_journal = wanted.state is not None and wanted.state not in _TOLD_BY_STATUS
    if not by_journal and asked.sort.lstrip("-") in {"", *_IN_SQL}:
        page = select_page(session, statement, _IN_SQL, asked, tie=Need.sequence)
        return page.map(lambda needs: served(session, needs))
    rows = served(session, session.exec(statement.order_by(col(Need.sequence))))
    return cut_page([row for row in rows if _fits(row, wanted.state)], _IN_MEMORY, asked)


def _fits(state: Served, wanted: StateFilter | None) -> bool:
    if wanted is None:
        return True
    return state.is_open if wanted is StateFilter.OPEN else state.progress == wanted


def _select(session: Session, actor: Actor, wanted: Wanted) -> Any:
    statement = select(Need)
    sites = _sites(session, actor, wanted)
    if sites is not None:
        statement = statement.where(among(Need.site, sites))
    if actor.role in DESKS and actor.role is not Role.ADMIN:
        statement = statement.where(col(Need.status) != NeedStatus.DRAFT)
    if wanted.item is not None:
        statement = statement.where(Need.item == wanted.item)
    if wanted.priority is not None:
        statement = statement.where(Need.priority == wanted.priority)
    if wanted.need_by_until is not None:
        statement = statement.where(Need.need_by <= wanted.need_by_until)
    if wanted.state is not None:
        statuses = _STATUSES.get(wanted.state, (NeedStatus.APPROVED,))
        statement = statement.where(col(Need.status).in_(statuses))
    return statement


def _sites(session: Session, actor: Actor, wanted: Wanted) -> list[str] | None:
    """The sites to look at; None for all there are."""
    if actor.role in DESKS and wanted.site is None and wanted.region is None:
        return None
    statement = select(Site)
    if actor.role not in DESKS:
        statement = statement.where(Site.organisation == actor.organisation)
    if wanted.site is not None:
        statement = statement.where(Site.code == wanted.site)
    found = list(session.exec(statement))
    if wanted.region is not None:
        above = parties.regions_above(session)
        if wanted.region not in above:
            raise NotFound(
                f"There is no region {wanted.region}", field="region", value=wanted.region
            )
        found = [site for site in found if wanted.region in above[site.region]]
    return [site.code for site in found]


_REQUEST_ORDER: Mapping[str, Any] = {
    "posted_at": SupplyRequest.posted_at,
    "site": SupplyRequest.site,
    "recorded_at": SupplyRequest.recorded_at,
}


def list_requests(
    session: Session, actor: Actor, wanted: Wanted, asked: Asked
) -> Listing[tuple[SupplyRequest, list[Served]]]:
    """Requests with their needs, oldest first, of the sites that the actor may see.

    A request in which nothing but drafts stands is its hospital's own.
    """
    statement = select(SupplyRequest)
    sites = _sites(session, actor, wanted)
    if sites is not None:
        statement = statement.where(among(SupplyRequest.site, sites))
    if actor.role in DESKS and actor.role is not Role.ADMIN:
        sent = select(Need.request_id).where(col(Need.status) != NeedStatus.DRAFT)
        statement = statement.where(col(SupplyRequest.id).in_(sent))
    page = select_page(session, statement, _REQUEST_ORDER, asked, tie=SupplyRequest.id)
    return page.map(lambda rows: with_needs(session, rows, actor))


def with_needs(
    session: Session, requests: Sequence[SupplyRequest], actor: Actor
) -> list[tuple[SupplyRequest, list[Served]]]:
    """Each request with its needs in their order; a desk doesn't see drafts."""
    statement = select(Need).where(among(Need.request_id, [each.id for each in requests]))
    if actor.role in DESKS and actor.role is not Role.ADMIN:
        statement = statement.where(col(Need.status) != NeedStatus.DRAFT)
    states = served(session, session.exec(statement.order_by(col(Need.sequence))))
    return [(one, [s for s in states if s.need.request_id == one.id]) for one in requests]
