"""Endpoints of donations."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from sqlmodel import Session

from services.donations import papers, receiving, service
from services.donations.became import DonationState, LineState, undone_receipts
from services.donations.gift_lists import (
    GiftFilter,
    HonourFilter,
    HonourOut,
    gift_list,
    honour_list,
    usernames,
)
from services.donations.models import CheckPart, Donation, ReceiptPaper
from services.donations.money_lists import earmark_out
from services.donations.receiving import rule_of
from services.donations.receiving_schemas import (
    EarmarkReleaseIn,
    ExpectIn,
    PaperOut,
    PaperSignIn,
    ReceiveIn,
    ReceivingRuleIn,
    ReceivingRuleOut,
    RefuseIn,
    SlotOut,
)
from services.donations.releasing import release_earmark, released_at
from services.donations.schemas import (
    BecameOut,
    DonationCancel,
    DonationIn,
    DonationLineOut,
    DonationOut,
    RolledOut,
    StandsOut,
)
from services.journal.reversals import HowItStands
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["donations"])


def donation_out(
    state: DonationState,
    releases: Mapping[UUID, datetime],
    undone: Mapping[UUID, Sequence[HowItStands]],
) -> DonationOut:
    donation = state.donation
    return DonationOut(
        **donation.model_dump(include=_AS_THEY_ARE),
        kind=donation.kind,
        status=state.status,
        earmark=earmark_out((donation.earmark_kind, donation.earmark)),
        received_at=state.received_at,
        entry_id=state.receipt,
        lines=[_line_out(state, line) for line in state.lines],
        became=BecameOut(**asdict(state.became)),
        state=state.state,
        rolled=RolledOut(
            received=state.rolled_received, placed=state.rolled_placed, used=state.rolled_used
        ),
        earmark_released_at=releases.get(donation.id),
        receipts_taken_back=[StandsOut.model_validate(each) for each in undone[donation.id]],
    )


_AS_THEY_ARE = {
    "id",
    "donor",
    "anonymous",
    "site",
    "fund",
    "amount_minor",
    "given_at",
    "campaign",
    "message",
    "cancel_reason",
    "expected_on",
    "campaign_code",
    "earmark_release_on",
    "refusal",
    "refusal_note",
}


def _line_out(state: DonationState, line: LineState) -> DonationLineOut:
    return DonationLineOut(
        line=line.line,
        item=line.item,
        quantity=line.quantity,
        unit=line.unit,
        pledged_base=line.pledged,
        received_base=line.received,
        lot_id=line.lot_id,
        batch=line.batch,
        produced_on=line.produced_on,
        expires_on=line.expires_on,
        note=line.note,
        became=BecameOut(**asdict(line.became)),
        state=state.state_of(line),
        refused_base=line.refused,
        refusal=line.refusal,
        placed_base=line.became.placed,
        used_base=line.became.used,
    )


@router.post("/donations", status_code=status.HTTP_201_CREATED)
def pledge_donation(
    body: DonationIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> DonationOut:
    """Pledge goods to a warehouse or money to a fund. Repeating it with the same id answers 200."""
    donation, created = service.pledge(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return _one(session, donation)


@router.get("/donations", response_model=list[DonationOut])
def list_donations(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    wanted: Annotated[GiftFilter, Query()],
) -> Any:
    """Your own organisation's donations, or, at a desk, all; in the order of recording."""
    listing = gift_list(session, actor, asked, wanted)
    return answer(listing.map(lambda rows: donations_out(session, rows)), response, "donations")


def donations_out(session: Session, donations: Sequence[Donation]) -> list[DonationOut]:
    ids = [donation.id for donation in donations]
    releases = released_at(session, ids)
    # Why a receipt was taken back is told with the corrections, to whom it concerns.
    undone = undone_receipts(session, ids, reader="")
    states = service.states(session, donations)
    return [donation_out(state, releases, undone) for state in states]


@router.get("/earmarks", response_model=list[HonourOut])
def list_earmarks(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    wanted: Annotated[HonourFilter, Query()],
) -> Any:
    """How each earmark is honoured: what served whom it is for, and what waits since when.

    A donor sees their own gifts', a desk all.
    """
    return answer(honour_list(session, actor, asked, wanted), response, "earmarks")


@router.get("/receiving/{site}")
def show_receiving_rule(
    site: Code, session: DatabaseSession, actor: CurrentActor
) -> ReceivingRuleOut:
    """Whether a warehouse receives gifts by three signatures."""
    parties.require_role(actor, *DESKS)
    found = parties.get_site(session, site)
    return ReceivingRuleOut(site=found.code, three_signatures=rule_of(session, found.code))


@router.post("/receiving/{site}")
def set_receiving_rule(
    site: Code, body: ReceivingRuleIn, session: DatabaseSession, actor: CurrentActor
) -> ReceivingRuleOut:
    """Say whether your warehouse receives gifts in one step (the default) or signed by three."""
    rule = papers.set_rule(session, actor, site, body)
    return ReceivingRuleOut(site=rule.site, three_signatures=rule.three_signatures)


@router.get("/donations/{donation_id}")
def show_donation(donation_id: UUID, session: DatabaseSession, actor: CurrentActor) -> DonationOut:
    """A donation: pledged beside received, and where it is now."""
    donation = service.get_donation(session, donation_id)
    if actor.role not in DESKS:
        service.require_donor(actor, donation)
    return _one(session, donation)


@router.post("/donations/{donation_id}/receive")
def receive_donation(
    donation_id: UUID, body: ReceiveIn, session: DatabaseSession, actor: CurrentActor
) -> DonationOut:
    """Count a gift in at your own warehouse or fund. The same receipt twice is one."""
    donation, _ = receiving.receive(session, actor, donation_id, body)
    return _one(session, donation)


@router.post("/donations/{donation_id}/cancel")
def cancel_donation(
    donation_id: UUID, body: DonationCancel, session: DatabaseSession, actor: CurrentActor
) -> DonationOut:
    """Take back a pledge that wasn't received."""
    return _one(session, service.cancel(session, actor, donation_id, body.reason))


@router.post("/donations/{donation_id}/expect")
def expect_donation(
    donation_id: UUID, body: ExpectIn, session: DatabaseSession, actor: CurrentActor
) -> DonationOut:
    """Say on which day a pledge should come in, as it is known now."""
    return _one(session, service.expect(session, actor, donation_id, body))


@router.post("/donations/{donation_id}/refuse")
def refuse_donation(
    donation_id: UUID, body: RefuseIn, session: DatabaseSession, actor: CurrentActor
) -> DonationOut:
    """Take nothing of a gift; its donor and the public are told the reason."""
    return _one(session, service.refuse(session, actor, donation_id, body))


@router.post("/donations/{donation_id}/release-earmark")
def release_donation(
    donation_id: UUID, body: EarmarkReleaseIn, session: DatabaseSession, actor: CurrentActor
) -> DonationOut:
    """Let what is left of a gift serve anybody: by its donor, or after the day the donor set."""
    return _one(session, release_earmark(session, actor, donation_id, body))


@router.get("/donations/{donation_id}/paper")
def show_paper(donation_id: UUID, session: DatabaseSession, actor: CurrentActor) -> PaperOut:
    """The paper of a receipt that three people sign, with its slots."""
    parties.require_role(actor, *DESKS)
    service.get_donation(session, donation_id)
    return paper_out(session, papers.get_paper(session, donation_id))


@router.post("/donations/{donation_id}/paper")
def write_paper(
    donation_id: UUID, body: ReceiveIn, session: DatabaseSession, actor: CurrentActor
) -> PaperOut:
    """Write what came on the receipt's paper; what says something else has to be signed anew."""
    return paper_out(session, papers.open_paper(session, actor, donation_id, body))


@router.post("/donations/{donation_id}/paper/sign")
def sign_paper(
    donation_id: UUID, body: PaperSignIn, session: DatabaseSession, actor: CurrentActor
) -> PaperOut:
    """Sign for kind, quality or quantity; the third signature posts the receipt."""
    return paper_out(session, papers.sign_paper(session, actor, donation_id, body))


def paper_out(session: Session, paper: ReceiptPaper) -> PaperOut:
    signed = papers.signatures_of(session, paper.donation_id)
    names = usernames(session, {each.signed_by for each in signed.values()})
    return PaperOut(
        donation_id=paper.donation_id,
        version=paper.version,
        says=ReceiveIn.model_validate(paper.says),
        slots=[
            SlotOut(
                part=part,
                signed_by=names[signed[part].signed_by] if part in signed else None,
                signed_at=signed[part].signed_at if part in signed else None,
            )
            for part in CheckPart
        ],
        posted_at=paper.posted_at,
    )


def _one(session: Session, donation: Donation) -> DonationOut:
    return donations_out(session, [donation])[0]
