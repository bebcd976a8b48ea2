"""Receiving a gift: each line counted, one lot a line, in one entry of the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from unicodedata import normalize
from uuid import UUID

from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.donations.became import line_lot, line_origin, receipt_entry, receipt_time
from services.donations.checks import check_dates
from services.donations.models import (
    CheckPart,
    Donation,
    DonationLine,
    LotEarmark,
    ReceivingRule,
    Refusal,
)
from services.donations.receiving_schemas import ReceivedLineIn, ReceiveIn, RefuseIn
from services.donations.service import (
    DonationReceived,
    earmark_fact,
    get_fund,
    lock,
    received_lots,
    refuse_unless_open,
    require_receiver,
    subject_of,
    write_refusal,
)
from services.errors import Conflict, InvalidInput
from services.journal.clock import refuse_future
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.post import EntryIdReused, post
from services.journal.record import Draft, NewLot, NewMove
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor

ANONYMOUS = "donor:anonymous"


class ThreeSignaturesNeeded(Conflict):
    code, title = "three-signatures-needed", "This warehouse receives by three signatures"


def receive(
    session: Session, actor: Actor, donation_id: UUID, body: ReceiveIn
) -> tuple[Donation, bool]:
    """Count a gift in: goods onto the site's shelf, money into its fund. Twice the same is once.

    Lines, and the whole gift, may be refused: what is refused is never opened as stock.

    Raises:
        NotFound, Forbidden: no such donation, or it comes in at another organisation's.
        DonationCancelled, DonationRefused: the pledge was taken back, or refused.
        DonationReceived: it was received with other counts, or at another time.
        ThreeSignaturesNeeded: the warehouse doesn't receive in one step.
        InvalidInput: a line, count or time that can't be, or nothing at all came.

    """
    parties.require_role(actor, Role.DISPATCHER)
    donation = lock(session, donation_id)
    require_receiver(session, actor, donation)
    in_one_step = donation.site is None or not rule_of(session, donation.site)
    if not in_one_step and not received_lots(session, donation_id):
        raise ThreeSignaturesNeeded(
            f"{donation.site} asks for kind, quality and quantity to be signed by three people",
            field="donation_id",
            value=donation_id,
            mend="write the receipt's paper, and have its three slots signed",
        )
    return donation, post_receipt(session, actor, donation, body)


def rule_of(session: Session, site: str) -> bool:
    """Whether a warehouse receives by three signatures; most receive in one step."""
    rule = session.get(ReceivingRule, site)
    return rule is not None and rule.three_signatures


def check_receipt(session: Session, donation: Donation, body: ReceiveIn) -> None:
    """Raise what posting the receipt would raise of its lines and time."""
    _refuse_before_given(donation, body)
    lines = _pledged_lines(session, donation)
    _counts(session, lines, body.lines or ())
    _as_came(lines, body)


def _refuse_before_given(donation: Donation, body: ReceiveIn) -> None:
    refuse_future(body.occurred_at)
    if body.occurred_at < donation.given_at:
        raise InvalidInput(
            f"It was given at {donation.given_at.isoformat()}, after that",
            field="occurred_at",
            value=body.occurred_at.isoformat(),
            mend="give the time when it was received",
        )


def post_receipt(
    session: Session,
    actor: Actor,
    donation: Donation,
    body: ReceiveIn,
    *,
    signers: Mapping[CheckPart, str] | None = None,
) -> bool:
    """Post the receipt of a gift whose row is held; whether it is new. ``signers`` are names."""
    if donation.cancelled_at is not None:
        refuse_unless_open(session, donation)
    _refuse_before_given(donation, body)
    lines = _pledged_lines(session, donation)
    counts = _counts(session, lines, body.lines or ())
    is_refused = not any(count.accepted for count in counts.values())
    if donation.refused_at is not None:
        if is_refused:
            return False
        refuse_unless_open(session, donation)
    if is_refused:
        _refuse_all(session, actor, donation, counts, _refused(lines, counts), body.occurred_at)
        return True
    came = _as_came(lines, body)
    draft = _draft(session, actor, donation, came, counts, body, signers or {})
    try:
        created = post(session, draft).created
    except EntryIdReused as error:
        raise DonationReceived(
            f"Donation {donation.id} was received, with other counts or at another time",
            field="donation_id",
            value=donation.id,
            mend=f"see GET /api/v1/donations/{donation.id}; a stocktake corrects a count",
        ) from error
    if created:
        _write_down(session, donation, draft, counts)
        record_change(session, actor, subject_of(donation.id), "pledged → received")
    return created


def _refuse_all(
    session: Session,
    actor: Actor,
    donation: Donation,
    counts: Mapping[int, "_Count"],
    refused: Sequence[dict[str, Any]],
    at: datetime,
) -> None:
    """Nothing was accepted of what came: the gift is refused, for its first line's reason."""
    refuse_unless_open(session, donation)
    first = next(count for count in counts.values() if count.reason is not None)
    assert first.reason is not None, "it was just looked for"
    refusal = RefuseIn(reason=first.reason, note=first.note or "")
    write_refusal(session, actor, donation, refusal, at, refused)
    _write_lines(session, donation, counts)


def _target(donation: Donation) -> AccountRef:
    """The account that it comes in at."""
    if donation.fund is not None:
        return AccountRef(f"fund:{donation.fund}", "available")
    assert donation.site is not None, "a gift in kind has a site"
    return site_account(donation.site, "available")


@dataclass(frozen=True, slots=True)
class _Count:
    """What came of a line, in base units: taken in, and refused."""

    accepted: int
    refused: int = 0
    reason: Refusal | None = None
    note: str | None = None


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
            line_lot(donation.id, 1, receipt_time(session, donation.id)),
            get_fund(session, donation.fund).currency,
            line_origin(donation.id, 1),
        )
        return {1: _Pledged(lot, donation.amount_minor, None)}
    time = receipt_time(session, donation.id)
    return {
        row.line: _Pledged(
            NewLot(
                line_lot(donation.id, row.line, time),
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


def _as_came(pledged: Mapping[int, _Pledged], body: ReceiveIn) -> dict[int, _Pledged]:
    """The lines with the batch and dates that stand on what came, where they were told."""
    found = dict(pledged)
    for index, told in enumerate(body.lines or ()):
        line = pledged[told.line]
        stands = told.model_dump(include={"batch", "produced_on", "expires_on"}, exclude_none=True)
        if not stands or not told.accepted:
            continue
        if line.item is None:
            raise InvalidInput(
                "Money has no batch and doesn't expire",
                field=f"lines[{index}].{next(iter(stands))}",
                value=str(next(iter(stands.values()))),
                mend="leave it out",
            )
        lot = replace(line.lot, **stands)
        if lot == line.lot:
            continue
        check_dates(lot.produced_on, lot.expires_on, body.occurred_at, f"lines[{index}].")
        found[told.line] = replace(line, lot=lot)
    return found


def _rows(session: Session, donation: Donation) -> list[DonationLine]:
    statement = select(DonationLine).where(DonationLine.donation_id == donation.id)
    return list(session.exec(statement.order_by(col(DonationLine.line))))


def _counts(
    session: Session, pledged: Mapping[int, _Pledged], told: Sequence[ReceivedLineIn]
) -> dict[int, _Count]:
    """How much of each line came; what nobody told of came as it was pledged."""
    counts = {line: _Count(one.quantity) for line, one in pledged.items()}
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
    if not any(count.accepted or count.refused for count in counts.values()):
        raise InvalidInput(
            "Nothing came",
            field="lines",
            value=0,
            mend="cancel the pledge instead",
        )
    return counts


def _counted(session: Session, pledged: _Pledged, line: ReceivedLineIn, where: str) -> _Count:
    """What came of a line, in base units. More than was pledged wants a word about it."""
    accepted = _in_base_units(session, pledged, line, line.accepted, f"{where}.accepted")
    refused = _in_base_units(session, pledged, line, line.refused, f"{where}.refused")
    if accepted + refused > pledged.quantity and not line.note:
        raise InvalidInput(
            f"{accepted + refused} came, and {pledged.quantity} were pledged",
            field=f"{where}.accepted",
            value=line.accepted,
            mend="count again; if more came indeed, say so in the line's note",
        )
    return _Count(accepted, refused, line.reason, line.note)


def _in_base_units(
    session: Session, pledged: _Pledged, line: ReceivedLineIn, quantity: int, field: str
) -> int:
    if line.unit is None:
        return quantity
    if pledged.item is None:
        raise InvalidInput(
            "Money is counted in the minor unit of its currency",
            field=f"{field.rpartition('.')[0]}.unit",
            value=line.unit,
            mend="leave the unit out",
        )
    # Nothing of a line may come too, in whichever unit that the item has.
    pieces = catalog.to_pieces(session, pledged.item, quantity or 1, line.unit, field=field)
    return pieces if quantity else 0


def _draft(
    session: Session,
    actor: Actor,
    donation: Donation,
    pledged: Mapping[int, _Pledged],
    counts: Mapping[int, _Count],
    body: ReceiveIn,
    signers: Mapping[CheckPart, str],
) -> Draft:
    source = AccountRef(ANONYMOUS if donation.anonymous else f"donor:{donation.donor}", "given")
    target = _target(donation)
    came = [line for line in sorted(pledged) if counts[line].accepted]
    donor = parties.get_organisation(session, donation.donor)
    return Draft(
        id=receipt_entry(donation.id, receipt_time(session, donation.id)),
        kind=EntryKind.RECEIVE_GIFT if donation.fund else EntryKind.RECEIVE_DONATION,
        occurred_at=body.occurred_at,
        actor=actor.reference,
        document=f"donation:{donation.id}",
        lots=[pledged[line].lot for line in came],
        moves=[
            NewMove(pledged[line].lot.id, source, target, counts[line].accepted) for line in came
        ],
        facts=_facts(donation, pledged, counts, signers),
        # Whether a name is shown to the public is the donor's to change, and what they wrote may
        # name people: never in clear here.
        concealed={
            "donor_name": normalize("NFC", donor.name_en),
            "donor_name_zh": normalize("NFC", donor.name_zh),
            **({"campaign": donation.campaign} if donation.campaign else {}),
            **{f"signed_{part}": normalize("NFC", name) for part, name in signers.items()},
        },
    )


def _facts(
    donation: Donation,
    pledged: Mapping[int, _Pledged],
    counts: Mapping[int, _Count],
    signers: Mapping[CheckPart, str],
) -> dict[str, Any]:
    """What everybody may read of a receipt beside its moves."""
    facts: dict[str, Any] = {"earmark": earmark_fact(donation.earmark_kind, donation.earmark)}
    if donation.earmark_release_on is not None:
        facts["earmark_release_on"] = donation.earmark_release_on.isoformat()
    refused = _refused(pledged, counts)
    if refused:
        facts["refused"] = refused
    if signers:
        facts["checked"] = sorted(part.value for part in signers)
    return facts


def _refused(pledged: Mapping[int, _Pledged], counts: Mapping[int, _Count]) -> list[dict[str, Any]]:
    """What wasn't taken, line by line, as entries tell it."""
    return [
        {
            "line": line,
            "commodity": pledged[line].lot.commodity,
            "quantity": str(count.refused),
            "reason": count.reason.value,
        }
        for line, count in sorted(counts.items())
        if count.reason is not None
    ]


def _write_down(
    session: Session, donation: Donation, draft: Draft, counts: Mapping[int, _Count]
) -> None:
    """The lots inherit the gift's earmark; what was noted of a line stays with the line."""
    if donation.earmark_kind is not None and donation.earmark is not None:
        session.add_all(
            LotEarmark(lot_id=lot.id, kind=donation.earmark_kind, target=donation.earmark)
            for lot in draft.lots
        )
    _write_lines(session, donation, counts)


def _write_lines(session: Session, donation: Donation, counts: Mapping[int, _Count]) -> None:
    for row in _rows(session, donation):
        count = counts[row.line]
        row.receipt_note, row.refused_base, row.refusal = count.note, count.refused, count.reason
    session.flush()
