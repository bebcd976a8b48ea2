"""Enough, stop sending: a site wants no more of an item, or of anything, until it says so.

What it waits for is cancelled: what is under way still comes, and what is reserved stays so until
a dispatcher cancels its shipment, which an alert asks them to do. While the stop stands nothing new
can be asked for it. Resuming brings no need back: what is needed then is asked for then.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert, raise_alert
from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, NotFound
from services.journal.clock import refuse_future
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.requests.history import lock_site, locked_needs, set_status
from services.requests.models import NeedStatus, SupplyStop
from services.requests.schemas_desk import ResumeIn, StopIn
from services.requests.served import find_needs, live_needs, served
from services.web.lists import Asked, Listing, select_page


class SupplyStopped(Conflict):
    code, title = "supply-stopped", "This place has said that it wants no more of it"


class AlreadyStopped(Conflict):
    code, title = "already-stopped", "This place has stopped it already"


def stop(session: Session, actor: Actor, body: StopIn) -> tuple[SupplyStop, bool]:
    """Stop an item, or everything, at a site of one's own; the same body twice is once.

    Raises:
        AlreadyStopped: it is stopped already, by another word of the site's.

    """
    site = parties.require_site(session, actor, body.site, Role.HOSPITAL)
    if body.item is not None:
        catalog.get_item(session, body.item)
    now = datetime.now(UTC)
    stopped_at = body.occurred_at or now
    refuse_future(stopped_at)
    lock_site(session, site.code)
    row = SupplyStop(
        id=body.id,
        site=site.code,
        item=body.item,
        reason=body.reason,
        stopped_at=stopped_at,
        recorded_at=now,
        stopped_by=actor.user_id,
        content_digest=digest_of(body),
    )
    if session.get(SupplyStop, body.id) is None:
        _refuse_second(session, row)
    if not claim(session, row):
        return session.get_one(SupplyStop, body.id), False
    record_change(session, actor, subject_of(row), f"stopped {_what(row)}", body.reason)
    reserved = _cancel_open(session, actor, row)
    if reserved:
        alert_dispatchers(session, row, reserved)
    return session.get_one(SupplyStop, body.id), True


def _refuse_second(session: Session, row: SupplyStop) -> None:
    for other in open_stops(session, [row.site]):
        if other.item == row.item:
            raise AlreadyStopped(
                f"{row.site} stopped {_what(row)} at {other.stopped_at:%Y-%m-%dT%H:%MZ}",
                field="item",
                value=row.item,
                mend=f"nothing more is to be done; resume it as stop {other.id}",
            )


def _cancel_open(session: Session, actor: Actor, row: SupplyStop) -> int:
    """Cancel what the site waits for; the pieces that stay reserved for it."""
    waiting = [each.need.id for each in live_needs(session, row.site, row.item)]
    reserved = 0
    for state in served(session, locked_needs(session, waiting)):
        if state.is_open:
            why = f"enough: {row.reason}"
            set_status(session, actor, state.need, NeedStatus.CANCELLED, why)
            reserved += state.reserved
    return reserved


def alert_dispatchers(session: Session, row: SupplyStop, reserved: int) -> None:
    raise_alert(
        session,
        AlertKind.SUPPLY_STOPPED,
        subject_of(row),
        Severity.WARNING,
        path=f"/shipments?site={row.site}",
        roles=[Role.DISPATCHER],
        site=row.site,
        item=row.item,
        facts={"site": row.site, "item": row.item or "", "reserved": reserved},
    )


def resume(session: Session, actor: Actor, stop_id: UUID, body: ResumeIn) -> SupplyStop:
    """Let the site ask for it again; resuming twice is once."""
    row = session.get(SupplyStop, stop_id)
    if row is None:
        raise NotFound(f"There is no stop {stop_id}", field="stop_id", value=stop_id)
    parties.require_site(session, actor, row.site, Role.HOSPITAL)
    moment = body.occurred_at or datetime.now(UTC)
    refuse_future(moment)
    lock_site(session, row.site)
    session.refresh(row)
    if row.resumed_at is not None:
        return row
    row.resumed_at = moment
    session.flush()
    record_change(session, actor, subject_of(row), f"resumed {_what(row)}", body.reason)
    close_alert(session, AlertKind.SUPPLY_STOPPED, subject_of(row))
    return row


def refuse_stopped(session: Session, site: str, item: str, where: str) -> None:
    """Raise SupplyStopped where a site has said enough of an item; hold ``lock_site`` meanwhile."""
    for row in open_stops(session, [site]):
        if row.item in {None, item}:
            raise SupplyStopped(
                f"{site} stopped {_what(row)}: {row.reason}",
                field=where,
                value=item,
                mend="resume it first, then ask",
                stop_id=str(row.id),
            )


def open_stops(session: Session, sites: Sequence[str] | None = None) -> list[SupplyStop]:
    statement = select(SupplyStop).where(col(SupplyStop.resumed_at).is_(None))
    if sites is not None:
        statement = statement.where(among(SupplyStop.site, sites))
    return list(session.exec(statement.order_by(col(SupplyStop.site), col(SupplyStop.item))))


_ORDER: Mapping[str, Any] = {
    "recorded_at": SupplyStop.recorded_at,
    "stopped_at": SupplyStop.stopped_at,
    "site": SupplyStop.site,
    "item": SupplyStop.item,
}


def list_stops(
    session: Session,
    actor: Actor,
    asked: Asked,
    site: str | None,
    item: str | None,
    *,
    standing: bool | None,
) -> Listing[SupplyStop]:
    """Stops of one's own sites, or, at a desk, of all."""
    statement = select(SupplyStop)
    if actor.role not in DESKS:
        own = [row.code for row in parties.sites_of(session, actor.organisation)]
        statement = statement.where(among(SupplyStop.site, own))
    if site is not None:
        statement = statement.where(SupplyStop.site == site)
    if item is not None:
        statement = statement.where(SupplyStop.item == item)
    if standing is not None:
        resumed = col(SupplyStop.resumed_at)
        statement = statement.where(resumed.is_(None) if standing else resumed.is_not(None))
    return select_page(session, statement, _ORDER, asked, tie=SupplyStop.id)


def still_reserved(session: Session, row: SupplyStop) -> int:
    """Pieces set aside for what this site wants no more of."""
    ended = [NeedStatus.CANCELLED]
    needs = find_needs(session, sites=[row.site], item=row.item, statuses=ended)
    return sum(each.reserved for each in served(session, needs))


def subject_of(row: SupplyStop) -> str:
    return f"supply_stop:{row.id}"


def _what(row: SupplyStop) -> str:
    return row.item or "everything"
