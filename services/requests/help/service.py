"""Calling for help without an account, and what desks make of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert, raise_alert
from services.database import among
from services.errors import Conflict, NotFound
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import DESKS, Region, Role, Site
from services.parties.service import Actor
from services.requests import service as requests
from services.requests.help.models import WAITING, CallState, HelpCall
from services.requests.help.schemas import Assignment, CallIn, Reply, TakeUp
from services.requests.schemas import RequestIn
from services.settings import get_settings
from services.web.limits import Throttle, TooMany

_FORGOTTEN = "—"


class TooManyCalls(TooMany):
    code, title = "too-many-calls", "Too many calls for help came from where you are"
    what = "Too many calls for help came from this address within a minute"
    instead = "wait, then send it again; where somebody's life is in danger, telephone"


class CallSettled(Conflict):
    code, title = "call-settled", "This call has been settled"


def subject_of(call_id: UUID) -> str:
    return f"help_call:{call_id}"


@lru_cache
def throttle() -> Throttle:
    """Anybody may call; nobody may drown the others out."""
    return Throttle(get_settings().help_calls_a_minute, 60, TooManyCalls)


def call_for_help(session: Session, body: CallIn, caller: str) -> tuple[HelpCall, bool]:
    """Write a call down and tell the desks; the same body twice is one call.

    Raises:
        NotFound: there is no such region.
        TooManyCalls: too many came from this caller within a minute.
        EntryIdReused: the id belongs to another call.

    """
    throttle().check(caller)
    _require_region(session, body.region)
    # Of what is deleted one day, no fingerprint may stay from which it could be guessed.
    lasting = body.model_copy(update={"place": None, "contact": None})
    call = HelpCall(
        **body.model_dump(), called_at=datetime.now(UTC), content_digest=digest_of(lasting)
    )
    if not claim(session, call):
        return session.get_one(HelpCall, body.id), False
    throttle().count(caller)
    _tell(session, call)
    return session.get_one(HelpCall, body.id), True


def _require_region(session: Session, code: str) -> None:
    if session.get(Region, code) is None:
        raise NotFound(
            f"There is no region {code}", field="region", value=code, mend="see GET /api/v1/regions"
        )


def _tell(session: Session, call: HelpCall, organisation: str | None = None) -> None:
    raise_alert(
        session,
        AlertKind.CALL_FOR_HELP,
        f"{subject_of(call.id)}{'/' + call.site if call.site else ''}",
        Severity.WARNING,
        path=f"/help/desk/{call.id}",
        roles=() if organisation else [Role.DISPATCHER],
        organisation=organisation,
        region=call.region,
    )


def assign(session: Session, actor: Actor, call_id: UUID, body: Assignment) -> HelpCall:
    """Hand a call to the site that is to look into it; the same site twice is once.

    Raises:
        Forbidden: not a dispatcher. NotFound: no such call or site.
        CallSettled: it was taken up, answered or refused.

    """
    parties.require_role(actor, Role.DISPATCHER)
    call = _locked(session, call_id)
    site = parties.get_site(session, body.site)
    if (call.state, call.site) == (CallState.ASSIGNED, site.code):
        return call
    _require_waiting(call)
    _hush(session, call)
    call.state, call.site = CallState.ASSIGNED, site.code
    session.flush()
    record_change(session, actor, subject_of(call_id), f"assigned to {site.code}", body.reason)
    _tell(session, call, site.organisation)
    return call


def take_up(session: Session, actor: Actor, call_id: UUID, body: TakeUp) -> HelpCall:
    """Make a call a need of a site of one's own; twice the same is once.

    Raises:
        NotFound, Forbidden: no such call or site, or not the actor's to look into.
        CallSettled: it was settled in another way.
        InvalidInput, DuplicateNeed and others: see `requests.service.post_request`.

    """
    call = _locked(session, call_id)
    open_at_desk(session, actor, call_id)
    parties.require_site(session, actor, body.site, Role.HOSPITAL)
    request = RequestIn(
        id=uuid5(call_id, "request"),
        site=body.site,
        posted_at=body.occurred_at,
        needs=[body.need],
        note=None,
    )
    if call.state is not CallState.TAKEN_UP:
        _require_waiting(call)
    posted, created = requests.post_request(session, actor, request)
    if created:
        call.site, call.request_id = body.site, posted.id
        _settle(session, actor, call, CallState.TAKEN_UP)
    return call


def reply(
    session: Session, actor: Actor, call_id: UUID, body: Reply, *, refuse: bool = False
) -> HelpCall:
    """Settle a call without a need: with what the caller is told; the same twice is once.

    Raises:
        NotFound, Forbidden: no such call, or it isn't for the actor to settle.
        CallSettled: it was settled in another way.

    """
    call = _locked(session, call_id)
    _require_handler(session, actor, call)
    state = CallState.REFUSED if refuse else CallState.ANSWERED
    if (call.state, call.answer) == (state, body.answer):
        return call
    _require_waiting(call)
    call.answer = body.answer
    _settle(session, actor, call, state)
    return call


def _settle(session: Session, actor: Actor, call: HelpCall, state: CallState) -> None:
    _hush(session, call)
    call.state, call.settled_at = state, datetime.now(UTC)
    # Who called and where they live was needed to help them, and isn't any more.
    call.place = call.contact = None
    session.flush()
    # What the caller was told stands in the call alone: a history can't forget it.
    record_change(session, actor, subject_of(call.id), state.value.replace("_", " "))


def _hush(session: Session, call: HelpCall) -> None:
    for subject in (subject_of(call.id), f"{subject_of(call.id)}/{call.site}"):
        close_alert(session, AlertKind.CALL_FOR_HELP, subject)


def _require_waiting(call: HelpCall) -> None:
    if call.state not in WAITING:
        raise CallSettled(
            f"Call {call.id} is {call.state.replace('_', ' ')}", field="call_id", value=call.id
        )


def _require_handler(session: Session, actor: Actor, call: HelpCall) -> None:
    """A dispatcher, or the staff of the site that the call was handed to."""
    if actor.role in {Role.DISPATCHER, Role.ADMIN}:
        return
    if call.site is None:
        parties.require_role(actor, Role.DISPATCHER)
    else:
        parties.require_site(session, actor, call.site, Role.HOSPITAL)


def get_call(session: Session, call_id: UUID) -> HelpCall:
    call = session.get(HelpCall, call_id)
    if call is None:
        raise NotFound(f"There is no call {call_id}", field="call_id", value=call_id)
    return call


def open_at_desk(session: Session, actor: Actor, call_id: UUID) -> HelpCall:
    """A call with place and contact, for whoever may look into it: see `visible`."""
    call = get_call(session, call_id)
    seen = select(HelpCall.id).where(HelpCall.id == call_id, visible(session, actor))
    if session.exec(seen).first() is None:
        _require_handler(session, actor, call)
    return call


def _locked(session: Session, call_id: UUID) -> HelpCall:
    call = session.get(HelpCall, call_id, with_for_update=True, populate_existing=True)
    if call is None:
        raise NotFound(f"There is no call {call_id}", field="call_id", value=call_id)
    return call


def visible(session: Session, actor: Actor) -> sa.ColumnElement[bool]:
    """Desks see all calls; a site's people those handed to it, and open ones of its region."""
    if actor.role in DESKS:
        return sa.true()
    parties.require_role(actor, Role.HOSPITAL)
    own = parties.sites_of(session, actor.organisation)
    chains = parties.regions_above(session)
    regions = {code for site in own for code in chains.get(site.region, ())}
    return sa.or_(
        among(HelpCall.site, [site.code for site in own]),
        sa.and_(col(HelpCall.state) == CallState.OPEN, among(HelpCall.region, regions)),
    )


def calls(
    session: Session,
    actor: Actor,
    *,
    states: Sequence[CallState] = (),
    region: str | None = None,
) -> Any:
    """A ``select`` of the calls that the actor may see."""
    statement = select(HelpCall).where(visible(session, actor))
    if states:
        statement = statement.where(among(HelpCall.state, states))
    if region is not None:
        chains = parties.regions_above(session)
        inside = [code for code, chain in chains.items() if region in chain]
        statement = statement.where(among(HelpCall.region, inside))
    return statement


def own_sites(session: Session, actor: Actor) -> list[Site]:
    """Where the actor may take a call up."""
    if actor.role is Role.ADMIN:
        return list(session.exec(select(Site).order_by(Site.code)))
    if actor.role is not Role.HOSPITAL:
        return []
    return parties.sites_of(session, actor.organisation)


def forget_call(session: Session, call_id: UUID) -> int:
    """Delete what a settled call says and was told; how many fields that were.

    Raises:
        NotFound: there is no such call.
        Conflict: it still waits for somebody.

    """
    call = _locked(session, call_id)
    if call.state in WAITING:
        raise Conflict(f"Call {call_id} still waits for somebody", mend="answer or refuse it first")
    told = [each for each in (call.words, call.answer) if each not in {None, _FORGOTTEN}]
    call.words, call.answer, call.content_digest = _FORGOTTEN, None, ""
    session.flush()
    return len(told)
