"""A desk decides on a need: approves it, in full or less, gives it back, or refuses it."""

from uuid import UUID

from sqlmodel import Session

from services.errors import InvalidInput
from services.parties import service as parties
from services.parties.service import Actor
from services.requests.desks import require_desk
from services.requests.history import (
    NeedClosed,
    locked_need,
    note,
    require_open,
    require_version,
    set_status,
)
from services.requests.models import LIVE, Need, NeedStatus
from services.requests.schemas_desk import Approval
from services.requests.served import Served


def approve(session: Session, actor: Actor, need_id: UUID, body: Approval) -> Need:
    """Grant a need, or change what was granted; the same again changes nothing.

    Raises:
        NotYourDesk: another organisation decides for this region.
        NeedChanged: it isn't any more what the desk saw.
        InvalidInput: more than is asked for, less than is set aside already, or less than is
            asked for without a reason.

    """
    need = _decidable(session, actor, need_id)
    granted = body.approved_base or need.quantity_base
    if need.status is NeedStatus.APPROVED and need.approved_base == granted:
        return need
    require_version(need, body.version)
    _check_granted(require_open(session, need), granted, body.reason)
    before, need.approved_base = need.approved_base, granted
    need.decision_reason = body.reason
    told = f"{granted} of {need.quantity_base} pieces"
    if need.status is NeedStatus.APPROVED:
        note(session, actor, need, f"approved {before} → {told}", body.reason)
    else:
        set_status(session, actor, need, NeedStatus.APPROVED, body.reason, told)
    return need


def _check_granted(state: Served, granted: int, reason: str | None) -> None:
    need = state.need
    if not state.committed <= granted <= need.quantity_base:
        raise InvalidInput(
            f"{need.quantity_base} pieces are asked for, and {state.committed} are set aside",
            field="approved_base",
            value=granted,
            mend=f"approve from {max(1, state.committed)} to {need.quantity_base} pieces",
        )
    if granted < need.quantity_base and not reason:
        raise InvalidInput(
            f"{granted} are fewer than the {need.quantity_base} pieces asked for",
            field="reason",
            value=reason,
            mend="say why, so that the hospital knows",
        )


def give_back(session: Session, actor: Actor, need_id: UUID, reason: str) -> Need:
    """Return a need to its hospital, to change it and submit it again, or to leave it."""
    return _end(session, actor, need_id, NeedStatus.RETURNED, reason)


def refuse(session: Session, actor: Actor, need_id: UUID, reason: str) -> Need:
    """Refuse a need for good. What is under way for it still comes."""
    return _end(session, actor, need_id, NeedStatus.REFUSED, reason)


def _end(session: Session, actor: Actor, need_id: UUID, status: NeedStatus, reason: str) -> Need:
    need = _decidable(session, actor, need_id)
    if need.status is status:
        return need
    require_open(session, need)
    if need.status not in LIVE:
        raise NeedClosed(
            f"Need {need_id} is {need.status}",
            field="need_id",
            value=need_id,
            mend="decide on needs that are submitted or approved",
        )
    need.approved_base, need.decision_reason = None, reason
    set_status(session, actor, need, status, reason)
    return need


def _decidable(session: Session, actor: Actor, need_id: UUID) -> Need:
    need = locked_need(session, need_id)
    require_desk(session, actor, parties.get_site(session, need.site).region)
    if need.status is NeedStatus.DRAFT:
        raise NeedClosed(
            f"Need {need_id} is its hospital's draft",
            field="need_id",
            value=need_id,
            mend="wait until it is submitted",
        )
    return need
