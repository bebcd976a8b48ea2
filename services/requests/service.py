"""Posting, editing and cancelling needs; how far each is served is read from the journal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.clock import local_date, refuse_future
from services.journal.kinds import need_purpose
from services.journal.once import claim, digest_of
from services.journal.read import by_purpose
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor
from services.requests.models import Need, NeedChange, NeedStatus, SupplyRequest
from services.requests.schemas import NeedEdit, NeedIn, RequestIn

_LONGEST_WAIT = timedelta(days=365)


class DuplicateNeed(Conflict):
    code, title = "duplicate-need", "You asked for this already"


class NeedClosed(Conflict):
    code, title = "need-closed", "This need can't be changed any more"


class NeedChanged(Conflict):
    code, title = "need-changed", "Somebody changed this need meanwhile"


@dataclass(frozen=True, slots=True)
class Served:
    """How far a need is served, in pieces: readings of the journal."""

    need: Need
    reserved: int
    in_transit: int
    received: int

    @property
    def outstanding(self) -> int:
        """What nobody has set aside for it yet; what didn't arrive falls back to here."""
        if self.need.status is NeedStatus.CANCELLED:
            return 0
        taken = self.reserved + self.in_transit + self.received
        return max(0, self.need.quantity_base - taken)

    @property
    def notice(self) -> str | None:
        """What whoever cancelled a need still has to know of it."""
        if self.need.status is not NeedStatus.CANCELLED or not self.reserved:
            return None
        return (
            f"{self.reserved} pieces stay reserved for it until they are sent, or a dispatcher "
            "cancels their shipment"
        )

    @property
    def progress(self) -> str:
        if self.need.status is NeedStatus.CANCELLED:
            return "cancelled"
        if self.received >= self.need.quantity_base:
            return "fulfilled"
        if self.outstanding == 0:
            return "in_transit" if self.in_transit else "allocated"
        return "partly_allocated" if self.outstanding < self.need.quantity_base else "submitted"


def post_request(session: Session, actor: Actor, body: RequestIn) -> tuple[SupplyRequest, bool]:
    """Write a request with its needs; the same body under the same id is written once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a unit, quantity or date that can't be.
        DuplicateNeed: an open need says the very same, unless ``duplicate`` is ``keep``.
        EntryIdReused: the id belongs to a request with other content.

    """
    site = parties.require_site(session, actor, body.site, Role.HOSPITAL)
    now = datetime.now(UTC)
    request = SupplyRequest(
        id=body.id,
        site=site.code,
        created_by=actor.user_id,
        posted_at=_posted_at(body, now),
        recorded_at=now,
        note=body.note,
        content_digest=digest_of(body),
    )
    if not claim(session, request):
        return session.get_one(SupplyRequest, body.id), False
    for index, line in enumerate(body.needs):
        need = _new_need(session, request, index, line)
        if body.duplicate == "refuse":
            _refuse_duplicate(session, need, index)
        session.add(need)
        session.flush()
    return request, True


def _posted_at(body: RequestIn, now: datetime) -> datetime:
    posted_at = body.posted_at or now
    refuse_future(posted_at, "posted_at")
    return posted_at


def _new_need(session: Session, request: SupplyRequest, index: int, line: NeedIn) -> Need:
    where = f"needs[{index}]"
    item = catalog.get_item(session, line.item, field=f"{where}.item")
    pieces = catalog.to_pieces(
        session, item.code, line.quantity, line.unit, field=f"{where}.quantity"
    )
    _check_need_by(line.need_by, local_date(request.posted_at), f"{where}.need_by")
    return Need(
        id=uuid5(request.id, f"need/{index}"),
        request_id=request.id,
        site=request.site,
        item=item.code,
        quantity=line.quantity,
        unit=line.unit,
        quantity_base=pieces,
        priority=line.priority,
        posted_at=request.posted_at,
        need_by=line.need_by,
    )


def _check_need_by(need_by: date, posted_on: date, field: str) -> None:
    if not posted_on <= need_by <= posted_on + _LONGEST_WAIT:
        raise InvalidInput(
            f"{need_by} is before the request or more than a year after it",
            field=field,
            value=need_by.isoformat(),
            mend=f"give a date from {posted_on} to {posted_on + _LONGEST_WAIT}",
        )


def _refuse_duplicate(session: Session, need: Need, index: int) -> None:
    same = session.exec(
        select(Need).where(
            Need.site == need.site,
            Need.item == need.item,
            Need.quantity_base == need.quantity_base,
            Need.need_by == need.need_by,
            Need.priority == need.priority,
            Need.status == NeedStatus.SUBMITTED,
        )
    ).first()
    if same is not None and served(session, [same])[0].received < same.quantity_base:
        raise DuplicateNeed(
            f"Need {same.id} asks for the same {need.quantity_base} pieces of {need.item}",
            field=f"needs[{index}]",
            value=need.item,
            mend='send "duplicate": "keep" if both are wanted, or edit the first',
            need_id=str(same.id),
        )


def edit_need(session: Session, actor: Actor, need_id: UUID, edit: NeedEdit) -> Need:
    """Change an open need. It can't ask for less than is reserved, under way or received.

    Raises:
        NeedClosed: it is cancelled or fulfilled.
        NeedChanged: ``edit.version`` isn't the newest.

    """
    need = _own_open_need(session, actor, need_id)
    if need.version != edit.version:
        raise NeedChanged(
            f"Need {need_id} is at version {need.version}",
            field="version",
            value=edit.version,
            mend="read it again, then edit what you see",
        )
    before = f"{need.quantity} {need.unit}, {need.priority}, by {need.need_by}"
    if edit.quantity is not None or edit.unit is not None:
        need.quantity = edit.quantity if edit.quantity is not None else need.quantity
        need.unit = edit.unit or need.unit
        need.quantity_base = catalog.to_pieces(session, need.item, need.quantity, need.unit)
        _refuse_below_committed(session, need)
    if edit.need_by is not None:
        _check_need_by(edit.need_by, local_date(need.posted_at), "need_by")
        need.need_by = edit.need_by
    need.priority = edit.priority or need.priority
    after = f"{need.quantity} {need.unit}, {need.priority}, by {need.need_by}"
    _record_change(session, actor, need, f"{before} → {after}", edit.reason)
    return need


def _refuse_below_committed(session: Session, need: Need) -> None:
    state = served(session, [need])[0]
    committed = state.reserved + state.in_transit + state.received
    if need.quantity_base < committed:
        raise InvalidInput(
            f"{committed} pieces are reserved, under way or received already",
            field="quantity",
            value=need.quantity,
            mend=f"ask for at least {committed} pieces, or cancel what is left",
        )


def cancel_need(session: Session, actor: Actor, need_id: UUID, reason: str) -> Need:
    """Ask for no more. What is under way still comes; cancelling twice is once.

    What is reserved for it stays so: its shipment is a dispatcher's to send or to cancel.
    """
    need = _own_need(session, actor, need_id)
    if need.status is NeedStatus.CANCELLED:
        return need
    if served(session, [need])[0].progress == "fulfilled":
        raise NeedClosed(f"Need {need_id} is fulfilled", field="need_id", value=need_id)
    need.status = NeedStatus.CANCELLED
    _record_change(session, actor, need, "cancelled", reason)
    return need


def _own_need(session: Session, actor: Actor, need_id: UUID) -> Need:
    need = session.get(Need, need_id, with_for_update=True, populate_existing=True)
    if need is None:
        raise NotFound(f"There is no need {need_id}", field="need_id", value=need_id)
    parties.require_site(session, actor, need.site, Role.HOSPITAL)
    return need


def _own_open_need(session: Session, actor: Actor, need_id: UUID) -> Need:
    need = _own_need(session, actor, need_id)
    progress = served(session, [need])[0].progress
    if progress in {"cancelled", "fulfilled"}:
        raise NeedClosed(
            f"Need {need_id} is {progress}",
            field="need_id",
            value=need_id,
            mend="post a new request",
        )
    return need


def _record_change(
    session: Session, actor: Actor, need: Need, what: str, reason: str | None
) -> None:
    need.version += 1
    session.add(
        NeedChange(
            need_id=need.id,
            version=need.version,
            changed_by=actor.user_id,
            changed_at=datetime.now(UTC),
            what=what,
            reason=reason,
        )
    )


def served(session: Session, needs: Iterable[Need]) -> list[Served]:
    """How far each need is served, in the order given."""
    listed = list(needs)
    states = by_purpose(session, [need_purpose(need.id) for need in listed])
    return [
        Served(
            need,
            reserved=states[need_purpose(need.id)].get("reserved", 0),
            in_transit=states[need_purpose(need.id)].get("in_transit", 0),
            received=states[need_purpose(need.id)].get("received", 0),
        )
        for need in listed
    ]


def find_needs(
    session: Session,
    *,
    sites: Sequence[str] | None = None,
    item: str | None = None,
    request_id: UUID | None = None,
    statuses: Sequence[NeedStatus] = tuple(NeedStatus),
    posted_until: datetime | None = None,
) -> list[Need]:
    """Needs in the order in which they were recorded."""
    statement = select(Need).where(col(Need.status).in_(statuses)).order_by(col(Need.sequence))
    if sites is not None:
        statement = statement.where(among(Need.site, sites))
    if item is not None:
        statement = statement.where(Need.item == item)
    if request_id is not None:
        statement = statement.where(Need.request_id == request_id)
    if posted_until is not None:
        statement = statement.where(Need.posted_at <= posted_until)
    return list(session.exec(statement))


def get_needs(session: Session, need_ids: Iterable[UUID]) -> dict[UUID, Need]:
    rows = session.exec(select(Need).where(among(Need.id, need_ids)))
    return {need.id: need for need in rows}
