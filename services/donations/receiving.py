"""Receiving a gift: each line counted, one lot a line, in one entry of the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize
from uuid import UUID

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.donations.became import line_lot, line_origin, receipt_entry
from services.donations.models import Donation, DonationLine, LotEarmark
from services.donations.schemas import ReceivedLineIn, ReceiveIn
from services.donations.service import (
    DonationCancelled,
    DonationReceived,
    earmark_fact,
    get_fund,
    lock,
    require_fund,
)
from services.errors import InvalidInput
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import EntryIdReused, post
from services.journal.record import Draft, NewLot, NewMove
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor

ANONYMOUS = "donor:anonymous"


def receive(
    session: Session, actor: Actor, donation_id: UUID, body: ReceiveIn
) -> tuple[Donation, bool]:
    """Count a gift in: goods onto the site's shelf, money into its fund. Twice the same is once.

    Raises:
        NotFound, Forbidden: no such donation, or it comes in at another organisation's.
        DonationCancelled: the pledge was taken back.
        DonationReceived: it was received with other counts, or at another time.
        InvalidInput: a line, count or time that can't be, or nothing at all came.

    """
    parties.require_role(actor, Role.DISPATCHER)
    donation = lock(session, donation_id)
    target = _own_target(session, actor, donation)
    if donation.cancelled_at is not None:
        raise DonationCancelled(
            f"Donation {donation_id} was cancelled",
            field="donation_id",
            value=donation_id,
            mend="write down what came as a new donation",
        )
    if body.occurred_at < donation.given_at:
        raise InvalidInput(
            f"It was given at {donation.given_at.isoformat()}, after that",
            field="occurred_at",
            value=body.occurred_at.isoformat(),
            mend="give the time when it was received",
        )
    lines = _pledged_lines(session, donation)
    counts = _counts(session, lines, body.lines or ())
    draft = _draft(session, actor, donation, target, lines, counts, body)
    try:
        created = post(session, draft).created
    except EntryIdReused as error:
        raise DonationReceived(
            f"Donation {donation_id} was received, with other counts or at another time",
            field="donation_id",
            value=donation_id,
            mend=f"see GET /api/v1/donations/{donation_id}; a stocktake corrects a count",
        ) from error
    if created:
        _write_down(session, donation, draft, body.lines or ())
    return donation, created


def _own_target(session: Session, actor: Actor, donation: Donation) -> AccountRef:
    """The account that it comes in at, which has to be the actor's organisation's."""
    if donation.fund is not None:
        fund = require_fund(get_fund(session, donation.fund), actor)
        return AccountRef(f"fund:{fund.code}", "available")
    assert donation.site is not None, "a gift in kind has a site"
    parties.require_site(session, actor, donation.site, Role.DISPATCHER)
    return site_account(donation.site, "available")


@dataclass(frozen=True, slots=True)
class _Pledged:
    """A pledged line: the lot that it opens when it comes, and how much it should be."""

    lot: NewLot
    quantity: int
    item: str | None


def _pledged_lines(session: Session, donation: Donation) -> dict[int, _Pledged]:
    if donation.fund is not None:
        assert donation.amount_minor is not None, "a gift in money has an amount"
        lot = NewLot(
            line_lot(donation.id, 1),
            get_fund(session, donation.fund).currency,
            line_origin(donation.id, 1),
        )
        return {1: _Pledged(lot, donation.amount_minor, None)}
    return {
        row.line: _Pledged(
            NewLot(
                line_lot(donation.id, row.line),
                row.item,
                line_origin(donation.id, row.line),
                batch=row.batch,
                produced_on=row.produced_on,
                expires_on=row.expires_on,
            ),
            row.quantity_base,
            row.item,
        )
        for row in _rows(session, donation)
    }


def _rows(session: Session, donation: Donation) -> list[DonationLine]:
    statement = select(DonationLine).where(DonationLine.donation_id == donation.id)
    return list(session.exec(statement.order_by(col(DonationLine.line))))


def _counts(
    session: Session, pledged: Mapping[int, _Pledged], told: Sequence[ReceivedLineIn]
) -> dict[int, int]:
    """How much of each line came; what nobody told of came as it was pledged."""
    counts = {line: one.quantity for line, one in pledged.items()}
    seen: set[int] = set()
    for index, line in enumerate(told):
        where = f"lines[{index}]"
        if line.line not in pledged or line.line in seen:
            known = "once each" if line.line in pledged else "that it has"
            raise InvalidInput(
                f"Line {line.line} isn't a line of this donation, or was told already",
                field=f"{where}.line",
                value=line.line,
                mend=f"name the lines {known}: {', '.join(map(str, sorted(pledged)))}",
            )
        seen.add(line.line)
        counts[line.line] = _counted(session, pledged[line.line], line, where)
    if not any(counts.values()):
        raise InvalidInput(
            "Nothing came",
            field="lines",
            value=0,
            mend="cancel the pledge instead",
        )
    return counts


def _counted(session: Session, pledged: _Pledged, line: ReceivedLineIn, where: str) -> int:
    """What came of a line, in base units. More than was pledged wants a word about it."""
    counted = _in_base_units(session, pledged, line, where)
    if counted > pledged.quantity and not line.note:
        raise InvalidInput(
            f"{counted} came, and {pledged.quantity} were pledged",
            field=f"{where}.accepted",
            value=line.accepted,
            mend="count again; if more came indeed, say so in the line's note",
        )
    return counted


def _in_base_units(session: Session, pledged: _Pledged, line: ReceivedLineIn, where: str) -> int:
    if line.unit is None:
        return line.accepted
    if pledged.item is None:
        raise InvalidInput(
            "Money is counted in the minor unit of its currency",
            field=f"{where}.unit",
            value=line.unit,
            mend="leave the unit out",
        )
    # Nothing of a line may come too, in whichever unit that the item has.
    pieces = catalog.to_pieces(
        session, pledged.item, line.accepted or 1, line.unit, field=f"{where}.accepted"
    )
    return pieces if line.accepted else 0


def _draft(
    session: Session,
    actor: Actor,
    donation: Donation,
    target: AccountRef,
    pledged: Mapping[int, _Pledged],
    counts: Mapping[int, int],
    body: ReceiveIn,
) -> Draft:
    source = AccountRef(ANONYMOUS if donation.anonymous else f"donor:{donation.donor}", "given")
    came = [line for line in sorted(pledged) if counts[line]]
    donor = parties.get_organisation(session, donation.donor)
    return Draft(
        id=receipt_entry(donation.id),
        kind=EntryKind.RECEIVE_GIFT if donation.fund else EntryKind.RECEIVE_DONATION,
        occurred_at=body.occurred_at,
        actor=actor.reference,
        document=f"donation:{donation.id}",
        lots=[pledged[line].lot for line in came],
        moves=[NewMove(pledged[line].lot.id, source, target, counts[line]) for line in came],
        facts={"earmark": earmark_fact(donation.earmark_kind, donation.earmark)},
        # Whether a name is shown to the public is the donor's to change, and what they wrote may
        # name people: never in clear here.
        concealed={
            "donor_name": normalize("NFC", donor.name_en),
            "donor_name_zh": normalize("NFC", donor.name_zh),
            **({"campaign": donation.campaign} if donation.campaign else {}),
        },
    )


def _write_down(
    session: Session, donation: Donation, draft: Draft, told: Sequence[ReceivedLineIn]
) -> None:
    """The lots inherit the gift's earmark; what was noted of a line stays with the line."""
    if donation.earmark_kind is not None and donation.earmark is not None:
        session.add_all(
            LotEarmark(lot_id=lot.id, kind=donation.earmark_kind, target=donation.earmark)
            for lot in draft.lots
        )
    notes = {line.line: line.note for line in told}
    for row in _rows(session, donation):
        row.receipt_note = notes.get(row.line)
    session.flush()
