"""A receipt signed by three: kind, quality and quantity, each by another person.

Where a warehouse asks for it, the receipt is a paper with three slots. The third signature posts
it; until then nothing of it is stock.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.donations.checks import require_warehouse
from services.donations.models import (
    CheckPart,
    Donation,
    ReceiptPaper,
    ReceiptSignature,
    ReceivingRule,
)
from services.donations.receiving import check_receipt, post_receipt, rule_of
from services.donations.receiving_schemas import PaperSignIn, ReceiveIn, ReceivingRuleIn
from services.donations.service import lock, refuse_unless_open, subject_of
from services.errors import Conflict, NotFound
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role, User
from services.parties.service import Actor

_CHECKERS = (Role.DISPATCHER, Role.APPROVER, Role.AUDITOR)


class PaperChanged(Conflict):
    code, title = "paper-changed", "The paper was changed since"


class SlotTaken(Conflict):
    code, title = "slot-taken", "This slot, or another by you, is signed already"


def set_rule(
    session: Session, actor: Actor, site_code: str, body: ReceivingRuleIn
) -> ReceivingRule:
    """Say how a warehouse receives gifts.

    Raises:
        NotFound, Forbidden: no such site, or another organisation's.
        InvalidInput: it isn't a warehouse.

    """
    site = parties.require_site(session, actor, site_code, Role.DISPATCHER)
    require_warehouse(site)
    before = rule_of(session, site_code)
    statement = insert(ReceivingRule).values(site=site_code, three_signatures=body.three_signatures)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["site"], set_={"three_signatures": body.three_signatures}
        )
    )
    if before != body.three_signatures:
        what = f"three signatures {_on(before)} → {_on(body.three_signatures)}"
        record_change(session, actor, f"receiving:{site_code}", what, body.reason)
    return session.get_one(ReceivingRule, site_code, populate_existing=True)


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def open_paper(session: Session, actor: Actor, donation_id: UUID, body: ReceiveIn) -> ReceiptPaper:
    """Write a receipt's paper, or write it anew: what says something else has to be signed anew.

    Raises:
        NotFound, Forbidden: no such donation, or it comes in at another organisation's.
        DonationCancelled, DonationRefused, DonationReceived: it is expected no more.
        InvalidInput: a line, count or time that can't be.

    """
    donation = _locked(session, actor, donation_id)
    refuse_unless_open(session, donation)
    check_receipt(session, donation, body)
    says = body.model_dump(mode="json")
    paper = session.get(ReceiptPaper, donation_id)
    if paper is None:
        paper = ReceiptPaper(
            donation_id=donation_id,
            version=1,
            says=says,
            opened_by=actor.user_id,
            opened_at=datetime.now(UTC),
        )
        session.add(paper)
        record_change(session, actor, subject_of(donation_id), "paper written")
    elif ReceiveIn.model_validate(paper.says) != body:
        paper.says, paper.version = says, paper.version + 1
        paper.opened_by = actor.user_id
        session.connection().execute(
            sa.delete(ReceiptSignature).where(col(ReceiptSignature.donation_id) == donation_id)
        )
        record_change(session, actor, subject_of(donation_id), f"paper, version {paper.version}")
    session.flush()
    return paper


def _locked(session: Session, actor: Actor, donation_id: UUID) -> Donation:
    """The donation with its row held, in kind and coming in at a site of the actor's."""
    parties.require_role(actor, *_CHECKERS)
    donation = lock(session, donation_id)
    if donation.site is None:
        raise NotFound(
            "Money is received in one step, and has no paper",
            field="donation_id",
            value=donation_id,
            mend="receive it",
        )
    parties.require_site(session, actor, donation.site, *_CHECKERS)
    return donation


def sign_paper(
    session: Session, actor: Actor, donation_id: UUID, body: PaperSignIn
) -> ReceiptPaper:
    """Sign one slot; the third signature posts the receipt. Signing the same twice is once.

    Raises:
        NotFound, Forbidden: no such paper, or it is another organisation's.
        PaperChanged: it says something else by now.
        SlotTaken: another person signed this slot, or you signed another one.

    """
    donation = _locked(session, actor, donation_id)
    paper = get_paper(session, donation_id)
    slots = signatures_of(session, donation_id)
    mine = slots.get(body.part)
    if mine is not None and mine.signed_by == actor.user_id and paper.version == body.version:
        return paper
    refuse_unless_open(session, donation)
    if paper.version != body.version:
        raise PaperChanged(
            f"The paper is at version {paper.version}",
            field="version",
            value=body.version,
            mend="read what it says now, and sign that",
        )
    if mine is not None or actor.user_id in {each.signed_by for each in slots.values()}:
        raise SlotTaken(
            "Three different people sign a receipt, one slot each",
            field="part",
            value=body.part.value,
            mend="let another person sign, or take a slot that is free",
        )
    session.add(
        ReceiptSignature(
            donation_id=donation_id,
            part=body.part,
            signed_by=actor.user_id,
            signed_at=datetime.now(UTC),
        )
    )
    record_change(session, actor, subject_of(donation_id), f"{body.part} signed")
    session.flush()
    slots = signatures_of(session, donation_id)
    if len(slots) == len(CheckPart):
        says = ReceiveIn.model_validate(paper.says)
        post_receipt(session, actor, donation, says, signers=_names(session, slots))
        paper.posted_at = datetime.now(UTC)
        session.flush()
    return paper


def find_paper(session: Session, donation_id: UUID) -> ReceiptPaper | None:
    return session.get(ReceiptPaper, donation_id)


def get_paper(session: Session, donation_id: UUID) -> ReceiptPaper:
    paper = find_paper(session, donation_id)
    if paper is None:
        raise NotFound(
            f"Donation {donation_id} has no paper to sign",
            field="donation_id",
            value=donation_id,
            mend="write the paper first",
        )
    return paper


def signatures_of(session: Session, donation_id: UUID) -> dict[CheckPart, ReceiptSignature]:
    """The filled slots of a paper."""
    statement = select(ReceiptSignature).where(ReceiptSignature.donation_id == donation_id)
    return {row.part: row for row in session.exec(statement)}


def _names(session: Session, slots: Mapping[CheckPart, ReceiptSignature]) -> dict[CheckPart, str]:
    return {
        part: session.get_one(User, each.signed_by).display_name for part, each in slots.items()
    }
