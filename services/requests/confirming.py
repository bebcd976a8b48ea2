"""A hospital's word that it still needs something: a live need lives on, a lapsed one again."""

from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import Session

from services.errors import Conflict
from services.journal.clock import refuse_future
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.requests.duplicates import KEPT_ONE, settle
from services.requests.history import (
    lock_site_of,
    locked_needs,
    own_need,
    require_open,
    say_again,
    set_status,
    subject_of,
)
from services.requests.models import LIVE, Need, NeedStatus
from services.requests.schemas import Choice, Confirmation
from services.requests.served import live_needs
from services.requests.stopping import refuse_stopped


class NotLive(Conflict):
    code, title = "need-not-live", "This need isn't waiting for anything"


def confirm(session: Session, actor: Actor, need_id: UUID, body: Confirmation) -> Need:
    """Say that a need is still one; a lapsed one lives again as it was before.

    Raises:
        NeedClosed: it is cancelled, refused or met.
        NotLive: it is a draft, or was given back: submit it.
        DuplicateNeed, SupplyStopped: see `revive`.

    """
    moment = _moment(body.occurred_at)
    lock_site_of(session, need_id)
    need = own_need(session, actor, need_id)
    require_open(session, need)
    if need.status not in {*LIVE, NeedStatus.LAPSED}:
        raise NotLive(
            f"Need {need_id} is {need.status}",
            field="need_id",
            value=need_id,
            mend="submit it to the desk",
        )
    say_again(need, moment)
    if need.status is NeedStatus.LAPSED:
        revive(session, actor, need, body.duplicate)
    else:
        _note_word(session, actor, need)
    return need


def confirm_all(session: Session, actor: Actor, site: str | None, at: datetime | None) -> int:
    """Say of everything that a site, or each site of one's own, waits for that it is needed."""
    moment = _moment(at)
    if site is not None:
        parties.require_site(session, actor, site, Role.HOSPITAL)
    parties.require_role(actor, Role.HOSPITAL)
    sites = [site] if site else [row.code for row in parties.sites_of(session, actor.organisation)]
    waiting = [state.need.id for code in sites for state in live_needs(session, code)]
    confirmed = 0
    for need in locked_needs(session, waiting):
        if need.status in LIVE:
            say_again(need, moment)
            _note_word(session, actor, need)
            confirmed += 1
    return confirmed


def _note_word(session: Session, actor: Actor, need: Need) -> None:
    """In the history, but no new version: an edit that somebody is making still holds."""
    record_change(session, actor, subject_of(need.id), "confirmed: still needed")


def _moment(at: datetime | None) -> datetime:
    moment = at or datetime.now(UTC)
    refuse_future(moment)
    return moment


def revive(session: Session, actor: Actor, need: Need, choice: Choice) -> None:
    """A lapsed need goes on where it stood: with the approval that it had, or waiting for one.

    Meanwhile its site may have asked anew, or said enough: ``choice`` is as when it is posted.

    Raises:
        DuplicateNeed, SupplyStopped: as when it is posted.

    """
    refuse_stopped(session, need.site, need.item, "need_id")
    if not settle(session, actor, need, "need_id", choice):
        set_status(session, actor, need, NeedStatus.CANCELLED, KEPT_ONE)
        return
    status = NeedStatus.APPROVED if need.approved_base else NeedStatus.SUBMITTED
    set_status(session, actor, need, status, None, "still needed")
