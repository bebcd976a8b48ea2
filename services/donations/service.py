"""Pledges, and what became of them: what was received and where it is are the journal's."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from unicodedata import normalize
from uuid import UUID, uuid5

from sqlmodel import Session

from services.catalog import service as catalog
from services.donations import became, earmarks
from services.donations.became import DonationState
from services.donations.campaigns import campaign_for
from services.donations.checks import (
    check_dates,
    check_earmark,
    check_later_day,
    get_warehouse,
)
from services.donations.models import Donation, DonationLine, EarmarkKind, Fund, LotEarmark
from services.donations.receiving_schemas import ExpectIn, RefuseIn
from services.donations.schemas import DonationLineIn, GoodsIn, MoneyIn
from services.donations.signed import post_signed
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.journal.clock import refuse_future
from services.journal.kinds import EntryKind
from services.journal.models import Lot
from services.journal.once import claim, digest_of, said_before
from services.journal.post import EntryIdReused, post
from services.journal.record import Draft
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor


class DonationReceived(Conflict):
    code, title = "donation-received", "This donation was received already"


class DonationCancelled(Conflict):
    code, title = "donation-cancelled", "This pledge was cancelled"


class DonationRefused(Conflict):
    code, title = "donation-refused", "This gift was refused"


def pledge(session: Session, actor: Actor, body: GoodsIn | MoneyIn) -> tuple[Donation, bool]:
    """Write down what somebody means to give; the same body under the same id is one pledge.

    Raises:
        NotFound, Forbidden: an unknown code, or a gift in another organisation's name.
        InvalidInput: a quantity, unit, date or earmark that can't be.
        EntryIdReused: the id belongs to a donation with other content.
        UnknownKey, KeyRevoked, WrongSignature: it is signed, and not by the donor, or not this.

    """
    if (first := said_before(session, Donation, actor.user_id, body)) is not None:
        return first, False
    donor = _donor(session, actor, body.donor)
    refuse_future(body.given_at, "given_at")
    check_earmark(session, body.earmark, money=isinstance(body, MoneyIn))
    _check_days(body)
    donation = Donation(
        id=body.id,
        donor=donor,
        anonymous=body.anonymous,
        campaign=body.campaign,
        campaign_code=campaign_for(session, body.campaign, body.given_at),
        expected_on=body.expected_on,
        earmark_release_on=body.earmark_release_on,
        earmark_kind=body.earmark.kind if body.earmark else None,
        earmark=body.earmark.target if body.earmark else None,
        given_at=body.given_at,
        recorded_by=actor.user_id,
        recorded_at=datetime.now(UTC),
        message=body.message,
        content_digest=digest_of(body),
    )
    lines: list[DonationLine] = []
    if isinstance(body, MoneyIn):
        donation.fund = get_fund(session, body.fund).code
        donation.amount_minor = body.amount_minor
    else:
        donation.site = get_warehouse(session, body.site).code
        lines = [_new_line(session, body, index, line) for index, line in enumerate(body.lines)]
    created = claim(session, donation)
    if created:
        session.add_all(lines)
        session.flush()
        post_signed(session, actor, body, donor)
    kept = session.get_one(Donation, body.id)
    # A body may leave its donor out, and says the same in another's name then.
    if kept.donor != donor:
        raise EntryIdReused(
            f"Donation {body.id} is another donor's",
            field="id",
            value=body.id,
            mend="make a new UUID for something new",
        )
    return kept, created


def _check_days(body: GoodsIn | MoneyIn) -> None:
    check_later_day(body.expected_on, body.given_at, "expected_on")
    check_later_day(body.earmark_release_on, body.given_at, "earmark_release_on")
    if body.earmark_release_on is not None and body.earmark is None:
        raise InvalidInput(
            "What is for everybody has no earmark to release",
            field="earmark_release_on",
            value=body.earmark_release_on.isoformat(),
            mend="leave it out, or say whom it is for",
        )


def _donor(session: Session, actor: Actor, code: str | None) -> str:
    """Who gives: a donor gives in their own name, a desk writes it down for anybody."""
    parties.require_role(actor, Role.DONOR, Role.DISPATCHER)
    donor = code or actor.organisation
    if actor.role is Role.DONOR and donor != actor.organisation:
        raise Forbidden(
            "A donor gives in the name of their own organisation",
            field="donor",
            value=donor,
            mend=f"leave it out, or give {actor.organisation}",
        )
    return parties.get_organisation(session, donor, field="donor").code


def _new_line(session: Session, body: GoodsIn, index: int, line: DonationLineIn) -> DonationLine:
    where = f"lines[{index}]"
    item = catalog.get_item(session, line.item, field=f"{where}.item")
    pieces = catalog.to_pieces(
        session, item.code, line.quantity, line.unit, field=f"{where}.quantity"
    )
    check_dates(line.produced_on, line.expires_on, body.given_at, f"{where}.")
    return DonationLine(
        donation_id=body.id,
        line=index + 1,
        item=item.code,
        quantity=line.quantity,
        unit=line.unit,
        quantity_base=pieces,
        batch=line.batch,
        produced_on=line.produced_on,
        expires_on=line.expires_on,
    )


def cancel(session: Session, actor: Actor, donation_id: UUID, reason: str) -> Donation:
    """Take a pledge back before it is received; cancelling twice is once.

    Raises:
        NotFound, Forbidden: no such donation, or neither its donor nor a dispatcher.
        DonationReceived: it was received, and what came in can only be moved on.

    """
    parties.require_role(actor, Role.DONOR, Role.DISPATCHER)
    donation = lock(session, donation_id)
    if actor.role is Role.DONOR:
        require_donor(actor, donation)
    if donation.cancelled_at is not None:
        return donation
    if donation.refused_at is not None:
        raise DonationRefused(
            f"Donation {donation_id} was refused",
            field="donation_id",
            value=donation_id,
            mend="there is nothing to take back",
        )
    if received_lots(session, donation_id):
        raise DonationReceived(
            f"Donation {donation_id} was received",
            field="donation_id",
            value=donation_id,
            mend="what came in can be moved on, but no longer cancelled",
        )
    donation.cancelled_at = datetime.now(UTC)
    donation.cancelled_by = actor.user_id
    donation.cancel_reason = reason
    record_change(session, actor, subject_of(donation_id), "pledged → cancelled", reason)
    session.flush()
    return donation


def subject_of(donation_id: UUID) -> str:
    """How a donation's history names it."""
    return f"donation:{donation_id}"


def expect(session: Session, actor: Actor, donation_id: UUID, body: ExpectIn) -> Donation:
    """Say on which day a pledge should come in, as it is known now.

    Raises:
        NotFound, Forbidden: no such donation, or neither its donor nor a dispatcher.
        InvalidInput: a day before the gift.
        DonationReceived, DonationCancelled, DonationRefused: it is expected no more.

    """
    parties.require_role(actor, Role.DONOR, Role.DISPATCHER)
    donation = lock(session, donation_id)
    if actor.role is Role.DONOR:
        require_donor(actor, donation)
    refuse_unless_open(session, donation)
    check_later_day(body.expected_on, donation.given_at, "expected_on")
    if donation.expected_on != body.expected_on:
        what = f"expected {donation.expected_on or '–'} → {body.expected_on or '–'}"
        donation.expected_on = body.expected_on
        record_change(session, actor, subject_of(donation_id), what, body.reason)
        session.flush()
    return donation


def refuse(session: Session, actor: Actor, donation_id: UUID, body: RefuseIn) -> Donation:
    """Take nothing of a gift; refusing twice is once.

    Raises:
        NotFound, Forbidden: no such donation, or it comes in at another organisation's.
        DonationReceived, DonationCancelled: it was received, or taken back.

    """
    parties.require_role(actor, Role.DISPATCHER)
    donation = lock(session, donation_id)
    require_receiver(session, actor, donation)
    if donation.refused_at is not None:
        return donation
    refuse_unless_open(session, donation)
    write_refusal(session, actor, donation, body, datetime.now(UTC))
    return donation


def refusal_entry(donation_id: UUID) -> UUID:
    """The entry that says that a gift was refused."""
    return uuid5(donation_id, "refuse")


def write_refusal(
    session: Session,
    actor: Actor,
    donation: Donation,
    body: RefuseIn,
    at: datetime,
    lines: Sequence[dict[str, Any]] = (),
) -> None:
    """Write down, for the public too, that nothing of a gift was taken, and why; by line, if so."""
    donation.refused_at = datetime.now(UTC)
    donation.refused_by = actor.user_id
    donation.refusal, donation.refusal_note = body.reason, body.note or None
    post(
        session,
        Draft(
            id=refusal_entry(donation.id),
            kind=EntryKind.GIFT_REFUSED,
            occurred_at=at,
            actor=actor.reference,
            document=subject_of(donation.id),
            facts={"reason": body.reason.value} | ({"refused": list(lines)} if lines else {}),
            # What people write may name people, and the log can't forget: never in clear there.
            concealed={"note": normalize("NFC", body.note)} if body.note else {},
        ),
    )
    what = f"pledged → refused ({body.reason})"
    record_change(session, actor, subject_of(donation.id), what, body.note or None)
    session.flush()


def require_receiver(session: Session, actor: Actor, donation: Donation) -> None:
    """Raise Forbidden unless it comes in at a site or fund of the actor's organisation."""
    if donation.fund is not None:
        require_fund(get_fund(session, donation.fund), actor)
    else:
        assert donation.site is not None, "a gift in kind has a site"
        parties.require_site(session, actor, donation.site, actor.role)


def refuse_unless_open(session: Session, donation: Donation) -> None:
    """Raise unless the donation is a pledge that nobody received, refused or took back."""
    if donation.cancelled_at is not None:
        raise DonationCancelled(
            f"Donation {donation.id} was cancelled",
            field="donation_id",
            value=donation.id,
            mend="write down what came as a new donation",
        )
    if donation.refused_at is not None:
        raise DonationRefused(
            f"Donation {donation.id} was refused",
            field="donation_id",
            value=donation.id,
            mend="write down what came as a new donation",
        )
    if received_lots(session, donation.id):
        raise DonationReceived(
            f"Donation {donation.id} was received",
            field="donation_id",
            value=donation.id,
            mend="what came in can be moved on, and no more",
        )


def require_donor(actor: Actor, donation: Donation) -> None:
    """Raise Forbidden unless the actor's organisation gave it."""
    if donation.donor != actor.organisation:
        raise Forbidden(
            f"Donation {donation.id} is another organisation's",
            field="donation_id",
            value=donation.id,
            mend="name a donation of your own organisation",
        )


def find_donation(session: Session, donation_id: UUID) -> Donation | None:
    return session.get(Donation, donation_id)


def get_donation(session: Session, donation_id: UUID) -> Donation:
    donation = find_donation(session, donation_id)
    if donation is None:
        raise _no_donation(donation_id)
    return donation


def lock(session: Session, donation_id: UUID) -> Donation:
    """The donation, with its row held until the transaction ends: receipt or cancellation."""
    donation = session.get(
        Donation, donation_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if donation is None:
        raise _no_donation(donation_id)
    return donation


def _no_donation(donation_id: UUID) -> NotFound:
    return NotFound(
        f"There is no donation {donation_id}",
        field="donation_id",
        value=donation_id,
        mend="see GET /api/v1/donations",
    )


def earmarks_of(session: Session, lot_ids: Iterable[UUID]) -> dict[UUID, LotEarmark]:
    """The earmark of each lot that has one still; one that was released binds no more."""
    return earmarks.binding(session, list(lot_ids))


def get_fund(session: Session, code: str, *, field: str = "fund") -> Fund:
    fund = session.get(Fund, code)
    if fund is None:
        raise NotFound(
            f"There is no fund {code}", field=field, value=code, mend="see GET /api/v1/funds"
        )
    return fund


def currency_of(session: Session, code: str) -> str:
    """The currency that a fund counts in; the commonest where there is no such fund."""
    fund = session.get(Fund, code)
    return fund.currency if fund else "CNY"


def received_lots(session: Session, donation_id: UUID) -> list[Lot]:
    """The lots that a donation's receipt opened, by line; none where it wasn't received."""
    return became.lots_of(session, [donation_id])[donation_id]


def states(session: Session, donations: Sequence[Donation]) -> list[DonationState]:
    """How each donation stands, with its lines, in the order given."""
    return became.states(session, donations)


def require_fund(fund: Fund, actor: Actor) -> Fund:
    """The fund, if it is the actor's organisation's; Forbidden otherwise."""
    if actor.role is not Role.ADMIN and fund.organisation != actor.organisation:
        raise Forbidden(
            f"Fund {fund.code} belongs to another organisation",
            field="fund",
            value=fund.code,
            mend="name a fund of your own organisation; see GET /api/v1/funds",
        )
    return fund


def earmark_fact(kind: EarmarkKind | None, target: str | None) -> dict[str, str] | None:
    """An earmark as entries tell it to the public."""
    return {"kind": kind.value, "target": target} if kind and target else None


def forget_words(session: Session, donation_id: UUID) -> None:
    """Delete what a donor wrote beside a gift; what was given, and what it became, stays."""
    donation = find_donation(session, donation_id)
    if donation is not None:
        donation.message = donation.campaign = None
        session.flush()
