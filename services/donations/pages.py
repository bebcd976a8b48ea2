"""Pages of donations: pledge goods or money, see what became of it, count it in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog.scanning import take_scan
from services.donations import gift_pages, papers, receiving, service
from services.donations.api import donations_out
from services.donations.became import DonationState, undone_receipts
from services.donations.earmarks import Honour, honours_of
from services.donations.gift_lists import GiftFilter, gift_list, usernames
from services.donations.gift_pages import GIVERS, shown_names
from services.donations.models import CheckPart, Donation, DonationStatus, Fund, ReceiptPaper
from services.donations.page_filters import gift_filter
from services.donations.receiving_schemas import (
    EarmarkReleaseIn,
    ExpectIn,
    PaperSignIn,
    ReceiveIn,
    RefuseIn,
)
from services.donations.releasing import release_earmark
from services.donations.schemas import DonationCancel
from services.journal.reversals import how_they_stand
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm, minor_units, now_input
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file
from services.web.pages import in_currency, redirect, render

router = APIRouter()
router.include_router(gift_pages.router)


@router.get("/gifts")
def list_gifts(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    wanted: Annotated[GiftFilter, Depends(gift_filter)],
) -> Response:
    """One's own donations, or all at a desk: those to be received first, then newest first."""
    at_desk = actor.role in DESKS
    if not at_desk:
        parties.require_role(actor, Role.DONOR)
    listing = gift_list(session, actor, asked, wanted, newest=True)
    if asked.is_csv:
        return csv_file(donations_out(session, listing.rows), "donations")
    return render(
        request,
        "gifts.html",
        gifts=service.states(session, listing.rows),
        undone=undone_receipts(
            session, [row.id for row in listing.rows], reader=actor.reads_reasons_of
        ),
        listing=listing,
        filters=Form(wanted.model_dump(mode="json", exclude_none=True)),
        at_desk=at_desk,
        may_give=actor.role in {*GIVERS, Role.ADMIN},
        may_receive=actor.role in {Role.DISPATCHER, Role.ADMIN},
        **shown_names(request, session),
    )


@router.get("/gifts/statement")
def show_statement(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    wanted: Annotated[GiftFilter, Depends(gift_filter)],
) -> Response:
    """Every gift with its state, where each piece is, and its receipt; to be printed."""
    if actor.role not in DESKS:
        parties.require_role(actor, Role.DONOR)
    listing = gift_list(session, actor, asked, wanted)
    if asked.is_csv:
        return csv_file(donations_out(session, listing.rows), "donations")
    return render(
        request,
        "gift_statement.html",
        gifts=(states := service.states(session, listing.rows)),
        listing=listing,
        whose=wanted.donor if actor.role in DESKS else actor.organisation,
        now=datetime.now(UTC),
        receipts={state.donation.id: state.receipt for state in states},
        **shown_names(request, session),
    )


@router.get("/gifts/{donation_id}")
def show_gift(
    request: Request, donation_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    return _page(request, session, actor, _visible(session, actor, donation_id), {})


class GiftAct(StrEnum):
    """What is done with a gift on its page, as the address of its form says."""

    RECEIVE = "receive"
    PAPER = "paper"
    SIGN = "sign"
    EXPECT = "expect"
    REFUSE = "refuse"
    RELEASE = "release"
    CANCEL = "cancel"


# Both are the form that says what came; a warehouse that asks for a paper has the second.
_RECEIPTS = (GiftAct.RECEIVE, GiftAct.PAPER)


@router.post("/gifts/{donation_id}/{act}")
def act_on_gift(
    request: Request,
    donation_id: UUID,
    act: GiftAct,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    donation = _visible(session, actor, donation_id)
    shown = "receive" if act in _RECEIPTS else act.value
    if act in _RECEIPTS and take_scan(session, form, _items(session, donation)):
        return _page(request, session, actor, donation, {shown: form})
    does, done = _ACTS[act]
    with form.attempt(session):
        does(session, actor, donation, form)
    if form.slips:
        # Of the others several stand on one page, each with ids of its own.
        keyed = form if act in {*_RECEIPTS, GiftAct.SIGN} else form.keyed(shown)
        return _page(request, session, actor, donation, {shown: keyed})
    return redirect(request, f"/gifts/{donation_id}", done=done)


def _receive(session: Session, actor: Actor, donation: Donation, form: Form) -> None:
    receiving.receive(session, actor, donation.id, _counted(session, donation, form))


def _write_paper(session: Session, actor: Actor, donation: Donation, form: Form) -> None:
    papers.open_paper(session, actor, donation.id, _counted(session, donation, form))


def _sign(session: Session, actor: Actor, donation: Donation, form: Form) -> None:
    papers.sign_paper(session, actor, donation.id, form.read(PaperSignIn))


def _expect(session: Session, actor: Actor, donation: Donation, form: Form) -> None:
    # A day that was emptied is one that nobody knows.
    none_known = ExpectIn(expected_on=None, reason=form["reason"] or None)
    sent = form.read(ExpectIn) if form["expected_on"] else none_known
    service.expect(session, actor, donation.id, sent)


def _refuse(session: Session, actor: Actor, donation: Donation, form: Form) -> None:
    service.refuse(session, actor, donation.id, form.read(RefuseIn))


def _release(session: Session, actor: Actor, donation: Donation, form: Form) -> None:
    release_earmark(session, actor, donation.id, form.read(EarmarkReleaseIn))


def _cancel(session: Session, actor: Actor, donation: Donation, form: Form) -> None:
    service.cancel(session, actor, donation.id, form.read(DonationCancel).reason)


# What each does, and the message that its page says then.
_ACTS: dict[GiftAct, tuple[Callable[[Session, Actor, Donation, Form], None], str]] = {
    GiftAct.RECEIVE: (_receive, "donation-received"),
    GiftAct.PAPER: (_write_paper, "paper-written"),
    GiftAct.SIGN: (_sign, "paper-signed"),
    GiftAct.EXPECT: (_expect, "donation-expected"),
    GiftAct.REFUSE: (_refuse, "donation-refused"),
    GiftAct.RELEASE: (_release, "earmark-released"),
    GiftAct.CANCEL: (_cancel, "donation-cancelled"),
}


def _items(session: Session, donation: Donation) -> dict[str, str]:
    """The items of a gift's lines, by what their inputs' names begin with."""
    lines = service.states(session, [donation])[0].lines
    return {f"lines[{at}].": line.item for at, line in enumerate(lines) if line.item}


def _counted(session: Session, donation: Donation, form: Form) -> ReceiveIn:
    """The counts as typed: pieces, or an amount with its currency's decimals."""
    instead = {}
    if donation.fund is not None:
        currency = service.get_fund(session, donation.fund).currency
        for name in ("lines[0].accepted", "lines[0].refused"):
            instead[name] = minor_units(form, name, currency)
    return form.read(ReceiveIn, instead=instead)


def _visible(session: Session, actor: Actor, donation_id: UUID) -> Donation:
    donation = service.get_donation(session, donation_id)
    if actor.role not in DESKS:
        service.require_donor(actor, donation)
    return donation


def _page(
    request: Request,
    session: Session,
    actor: Actor,
    donation: Donation,
    sent: Mapping[str, Form],
) -> Response:
    state = service.states(session, [donation])[0]
    paper = papers.find_paper(session, donation.id)
    honours = honours_of(session, donation)
    fund = service.get_fund(session, donation.fund) if donation.fund else None
    forms = _blank_forms(actor, state, paper, honours, fund) | dict(sent)
    changes = changes_of(session, [service.subject_of(donation.id)])[
        service.subject_of(donation.id)
    ]
    signed = papers.signatures_of(session, donation.id) if paper else {}
    people = {each.changed_by for each in changes if each.changed_by}
    people |= {each.signed_by for each in signed.values()}
    at_desk = actor.role in DESKS
    return render(
        request,
        "gift.html",
        max((form.status for form in forms.values()), default=200),
        gift=state,
        donation=donation,
        forms=forms,
        by_three=donation.site is not None and receiving.rule_of(session, donation.site),
        paper=paper if paper and at_desk and not paper.posted_at else None,
        slots=[(part, signed.get(part)) for part in CheckPart],
        honours=honours,
        receipt=state.receipt,
        stands=how_they_stand(session, [state.receipt])[state.receipt] if state.receipt else None,
        undone=undone_receipts(session, [donation.id], reader=actor.reads_reasons_of)[donation.id],
        changes=changes,
        # A donor is told what was done, and not by whom of the desk.
        names=usernames(session, people) if at_desk else dict.fromkeys(people, ""),
        **shown_names(request, session),
    )


def _blank_forms(
    actor: Actor,
    state: DonationState,
    paper: ReceiptPaper | None,
    honours: Sequence[Honour],
    fund: Fund | None,
) -> dict[str, Form]:
    """What the actor may do with a gift as it stands, each with its empty form."""
    at_desk = actor.role in {Role.DISPATCHER, Role.ADMIN}
    is_donor = actor.role is Role.DONOR
    forms: dict[str, Form] = {}
    if state.status is DonationStatus.PLEDGED:
        if at_desk:
            forms["receive"] = _receipt_form(state, fund.currency if fund else None)
            forms["refuse"] = Form({"reason": "", "note": ""}).keyed("refuse")
        if at_desk or is_donor:
            day = state.donation.expected_on
            values = {"expected_on": day.isoformat() if day else "", "reason": ""}
            forms["expect"] = Form(values).keyed("expect")
            forms["cancel"] = Form({"reason": ""}).keyed("cancel")
        if paper is not None and actor.role in DESKS:
            forms["sign"] = Form()
    binds = any(honour.earmark.released_entry is None for honour in honours)
    if binds and (is_donor or (at_desk and state.donation.earmark_release_on)):
        values = {"released_at": now_input(), "reason": ""}
        forms["release"] = Form(values).keyed("release")
    return forms


def _receipt_form(state: DonationState, currency: str | None) -> Form:
    """What was pledged, to be changed where less came."""
    values = {"occurred_at": now_input()}
    for index, line in enumerate(state.lines):
        whole = str(in_currency(line.pledged, currency)) if currency else str(line.pledged)
        values[f"lines[{index}].line"] = str(line.line)
        values[f"lines[{index}].accepted"] = whole
        values[f"lines[{index}].batch"] = line.batch or ""
        values[f"lines[{index}].expires_on"] = (
            line.expires_on.isoformat() if line.expires_on else ""
        )
    return Form(values)
