"""Posting, submitting, editing and cancelling needs; how far they are served is in ``served``."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from sqlmodel import Session

from services.catalog import service as catalog
from services.errors import InvalidInput, NotFound
from services.journal.clock import local_date, refuse_future
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.requests.confirming import revive
from services.requests.duplicates import KEPT_ONE, DuplicateNeed, settle
from services.requests.history import (
    NeedChanged,
    NeedClosed,
    lock_site,
    lock_site_of,
    note,
    own_need,
    require_open,
    require_version,
    say_again,
    set_status,
    subject_of,
)
from services.requests.models import LIVE, Need, NeedStatus, SupplyRequest
from services.requests.rules import Rulebook
from services.requests.schemas import Choice, NeedEdit, NeedIn, RequestIn, Submission
from services.requests.served import Served, find_needs, get_needs, served
from services.requests.stopping import refuse_stopped

__all__ = [
    "DuplicateNeed",
    "NeedChanged",
    "NeedClosed",
    "Served",
    "cancel_need",
    "delete_draft",
    "edit_need",
    "find_needs",
    "get_needs",
    "get_request",
    "post_request",
    "served",
    "submit_need",
    "submit_request",
]

_LONGEST_WAIT = timedelta(days=365)
_WITH_ITS_HOSPITAL = (NeedStatus.DRAFT, NeedStatus.RETURNED)


class NotADraft(NeedClosed):
    code, title = "not-a-draft", "Only a draft can be deleted"


def post_request(session: Session, actor: Actor, body: RequestIn) -> tuple[SupplyRequest, bool]:
    """Write a request with its needs; the same body under the same id is written once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a unit, quantity or date that can't be.
        DuplicateNeed: the item is open for this site already, and ``duplicate`` doesn't say what
            to do about it.
        SupplyStopped: the site has said that it wants no more of an item.
        EntryIdReused: the id belongs to a request with other content.

    """
    site = parties.require_site(session, actor, body.site, Role.HOSPITAL)
    now = datetime.now(UTC)
    lock_site(session, site.code)
    request = SupplyRequest(
        id=body.id,
        site=site.code,
        created_by=actor.user_id,
        posted_at=_world_time(body.posted_at, "posted_at", now),
        recorded_at=now,
        note=body.note,
        content_digest=digest_of(body),
    )
    if not claim(session, request):
        return session.get_one(SupplyRequest, body.id), False
    rulebook = Rulebook.of_site(session, site.code)
    for index, line in enumerate(body.needs):
        need = _new_need(session, request, index, line)
        if body.draft:
            _add(session, actor, need, f"drafted: {_told(need)}")
        elif _is_wanted(session, actor, need, f"needs[{index}]", line.duplicate or body.duplicate):
            _post(session, actor, need, rulebook)
    return request, True


def _world_time(given: datetime | None, field: str, now: datetime) -> datetime:
    moment = given or now
    refuse_future(moment, field)
    return moment


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
        suggested_base=line.suggested_base,
        stock_on_hand_base=line.stock_on_hand_base,
        use_per_day_base=line.use_per_day_base,
        priority=line.priority,
        posted_at=request.posted_at,
        need_by=line.need_by,
        status_since=request.recorded_at,
        last_word_at=request.posted_at,
        last_word_recorded_at=request.recorded_at,
    )


def _check_need_by(need_by: date, posted_on: date, field: str) -> None:
    if not posted_on <= need_by <= posted_on + _LONGEST_WAIT:
        raise InvalidInput(
            f"{need_by} is before the request or more than a year after it",
            field=field,
            value=need_by.isoformat(),
            mend=f"give a date from {posted_on} to {posted_on + _LONGEST_WAIT}",
        )


def _is_wanted(session: Session, actor: Actor, need: Need, where: str, choice: Choice) -> bool:
    """Whether a need is to be posted, beside what its site asked for, or stopped, before."""
    refuse_stopped(session, need.site, need.item, where)
    return settle(session, actor, need, where, choice)


def _add(session: Session, actor: Actor, need: Need, what: str) -> None:
    session.add(need)
    session.flush()
    record_change(session, actor, subject_of(need.id), what)


def _post(session: Session, actor: Actor, need: Need, rulebook: Rulebook) -> None:
    """Write a new need, as the rules leave it: that is its first version."""
    verdict = rulebook.decide(need)
    need.status = NeedStatus.APPROVED if verdict.approves else NeedStatus.SUBMITTED
    need.approved_base = need.quantity_base if verdict.approves else None
    _add(session, actor, need, f"asked for: {_told(need)}")
    told = "submitted → approved" if verdict.approves else "waits for the desk"
    record_change(session, None, subject_of(need.id), told, verdict.why)


def _send_to_desk(session: Session, actor: Actor, need: Need, rulebook: Rulebook) -> None:
    """Submit a need; a rule that approves does so at once, and says so in its history."""
    verdict = rulebook.decide(need)
    need.decision_reason = None
    need.approved_base = need.quantity_base if verdict.approves else None
    if verdict.approves:
        set_status(session, None, need, NeedStatus.APPROVED, verdict.why)
    elif need.status is not NeedStatus.SUBMITTED:
        set_status(session, actor, need, NeedStatus.SUBMITTED, verdict.why)


def get_request(session: Session, request_id: UUID) -> SupplyRequest:
    request = session.get(SupplyRequest, request_id)
    if request is None:
        raise NotFound(f"There is no request {request_id}", field="request_id", value=request_id)
    return request


def submit_request(
    session: Session, actor: Actor, request_id: UUID, body: Submission
) -> SupplyRequest:
    """Send all drafts of a request, and what was given back of it, to the desk."""
    request = get_request(session, request_id)
    parties.require_site(session, actor, request.site, Role.HOSPITAL)
    lock_site(session, request.site)
    for need in find_needs(session, request_id=request.id, statuses=_WITH_ITS_HOSPITAL):
        _submit(session, actor, need, body)
    return request


def submit_need(session: Session, actor: Actor, need_id: UUID, body: Submission) -> Need:
    """Send a draft, or a need that was given back, to the desk; what is there already stays so.

    Raises:
        NeedClosed: it is cancelled, refused or lapsed.
        DuplicateNeed, SupplyStopped, InvalidInput: as when it is posted.

    """
    lock_site_of(session, need_id)
    need = own_need(session, actor, need_id)
    if need.status in LIVE:
        return need
    if need.status not in _WITH_ITS_HOSPITAL:
        raise NeedClosed(
            f"Need {need_id} is {need.status}",
            field="need_id",
            value=need_id,
            mend="confirm it if it lapsed; else post a new request",
        )
    _submit(session, actor, need, body)
    return need


def _submit(session: Session, actor: Actor, need: Need, body: Submission) -> None:
    moment = _world_time(body.occurred_at, "occurred_at", datetime.now(UTC))
    _check_need_by(need.need_by, local_date(moment), "need_by")
    if not _is_wanted(session, actor, need, "need_id", body.duplicate):
        set_status(session, actor, need, NeedStatus.CANCELLED, KEPT_ONE)
        return
    if need.status is NeedStatus.DRAFT:
        need.posted_at = moment
    say_again(need, moment)
    _send_to_desk(session, actor, need, Rulebook.of_site(session, need.site))


def delete_draft(session: Session, actor: Actor, need_id: UUID) -> None:
    """Forget a draft, which nobody else has seen; its history stays."""
    need = own_need(session, actor, need_id)
    if need.status is not NeedStatus.DRAFT:
        raise NotADraft(
            f"Need {need_id} is {need.status}",
            field="need_id",
            value=need_id,
            mend="cancel it, with a reason",
        )
    record_change(session, actor, subject_of(need_id), f"draft deleted: {_told(need)}")
    session.delete(need)


def edit_need(session: Session, actor: Actor, need_id: UUID, edit: NeedEdit) -> Need:
    """Change an open need, which is its hospital's word that it needs it.

    It can't ask for less than is reserved, under way or received. More than was asked for before
    is for the desk or its rules to approve again; a lapsed need lives again.

    Raises:
        NeedClosed: it is cancelled, refused or fulfilled.
        NeedChanged: ``edit.version`` isn't the newest.
        DuplicateNeed, SupplyStopped: it had lapsed; as when it is posted.

    """
    lock_site_of(session, need_id)
    need = own_need(session, actor, need_id)
    require_open(session, need)
    require_version(need, edit.version)
    before, asked_before = _told(need), need.quantity_base
    _change_quantity(session, need, edit)
    if edit.need_by is not None:
        _check_need_by(edit.need_by, local_date(need.posted_at), "need_by")
        need.need_by = edit.need_by
    need.priority = edit.priority or need.priority
    if edit.stock_on_hand_base is not None:
        need.stock_on_hand_base = edit.stock_on_hand_base
    if edit.use_per_day_base is not None:
        need.use_per_day_base = edit.use_per_day_base
    say_again(need, datetime.now(UTC))
    note(session, actor, need, f"{before} → {_told(need)}", edit.reason)
    if need.status is NeedStatus.LAPSED:
        revive(session, actor, need, edit.duplicate)
    if need.quantity_base > asked_before and need.status in LIVE:
        _send_to_desk(session, actor, need, Rulebook.of_site(session, need.site))
    return need


def _change_quantity(session: Session, need: Need, edit: NeedEdit) -> None:
    if edit.quantity is None and edit.unit is None:
        return
    need.quantity = edit.quantity if edit.quantity is not None else need.quantity
    need.unit = edit.unit or need.unit
    need.quantity_base = catalog.to_pieces(session, need.item, need.quantity, need.unit)
    _refuse_below_committed(session, need)
    if need.approved_base is not None:
        need.approved_base = min(need.approved_base, need.quantity_base)


def _refuse_below_committed(session: Session, need: Need) -> None:
    with session.no_autoflush:
        committed = served(session, [need])[0].committed
    if need.quantity_base < committed:
        raise InvalidInput(
            f"{committed} pieces are reserved, under way or received already",
            field="quantity",
            value=need.quantity,
            mend=f"ask for at least {committed} pieces, or cancel what is left",
        )


def _told(need: Need) -> str:
    stock = need.stock_on_hand_base
    has = "" if stock is None else f", stock {stock}"
    use = "" if need.use_per_day_base is None else f", use {need.use_per_day_base} a day"
    return f"{need.quantity} {need.unit}, {need.priority}, by {need.need_by}{has}{use}"


def cancel_need(session: Session, actor: Actor, need_id: UUID, reason: str) -> Need:
    """Ask for no more. What is under way still comes; cancelling twice is once.

    What is reserved for it stays so: its shipment is a dispatcher's to send or to cancel.
    """
    need = own_need(session, actor, need_id)
    if need.status is NeedStatus.CANCELLED:
        return need
    state = served(session, [need])[0]
    if not state.is_open:
        raise NeedClosed(f"Need {need_id} is {state.progress}", field="need_id", value=need_id)
    set_status(session, actor, need, NeedStatus.CANCELLED, reason)
    return need
