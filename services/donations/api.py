"""Endpoints of donations."""

from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Response, status

from services.donations import receiving, service
from services.donations.became import DonationState, LineState, receipt_entry
from services.donations.models import Donation
from services.donations.schemas import (
    BecameOut,
    DonationCancel,
    DonationIn,
    DonationLineOut,
    DonationOut,
    EarmarkOut,
    ReceiveIn,
)
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.web.http import DatabaseSession

router = APIRouter(tags=["donations"])


def donation_out(state: DonationState) -> DonationOut:
    donation = state.donation
    earmark = (donation.earmark_kind, donation.earmark)
    return DonationOut(
        **donation.model_dump(
            include={
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
            }
        ),
        kind=donation.kind,
        status=state.status,
        earmark=EarmarkOut(kind=earmark[0], target=earmark[1])
        if earmark[0] and earmark[1]
        else None,
        received_at=state.received_at,
        entry_id=receipt_entry(donation.id) if state.received_at else None,
        lines=[_line_out(line) for line in state.lines],
        became=BecameOut(**asdict(state.became)),
    )


def _line_out(line: LineState) -> DonationLineOut:
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


@router.get("/donations")
def list_donations(session: DatabaseSession, actor: CurrentActor) -> list[DonationOut]:
    """Your own organisation's donations, or, at a desk, all; in the order of recording."""
    donor = None if actor.role in DESKS else actor.organisation
    donations = service.find_donations(session, donor=donor)
    return [donation_out(state) for state in service.states(session, donations)]


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


def _one(session: DatabaseSession, donation: Donation) -> DonationOut:
    return donation_out(service.states(session, [donation])[0])
