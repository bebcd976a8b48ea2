"""What became of donations: every number here is a reading of the journal."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.database import among
from services.donations.models import Donation, DonationLine, Fund, ReceiptPaper
from services.donations.progress import BECAME, Became, DonationState, LineState
from services.journal.flows import packed_from
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.models import Lot
from services.journal.read import (
    TracedMove,
    find_commodity,
    find_entry,
    holdings,
    lots_opened_by,
    moves_of_lots,
)
from services.journal.reversals import HowItStands, how_they_stand, reversals_of

__all__ = [
    "Became",
    "DonationState",
    "LineState",
    "line_lot",
    "line_origin",
    "lots_of",
    "receipt_entry",
    "receipt_time",
    "receipts_of",
    "states",
]


@dataclass(frozen=True, slots=True)
class _Received:
    """What of a lot came in from the donor, what went back to them, and when it came."""

    at: datetime
    quantity: int = 0
    returned: int = 0


def receipt_entry(donation_id: UUID, time: int = 1) -> UUID:
    """The entry by which a donation is received; after a correction, the second ``time``."""
    return uuid5(donation_id, "receive" if time == 1 else f"receive/{time}")


def line_lot(donation_id: UUID, line: int, time: int = 1) -> UUID:
    """The lot that the receipt of a line opens."""
    return uuid5(donation_id, f"line/{line}" if time == 1 else f"line/{line}/{time}")


def receipts_of(session: Session, donation_id: UUID) -> list[UUID]:
    """Every receipt of a donation, oldest first: those that were taken back, and the last."""
    found: list[UUID] = []
    while find_entry(session, receipt_entry(donation_id, len(found) + 1)) is not None:
        found.append(receipt_entry(donation_id, len(found) + 1))
    return found


def undone_receipts(
    session: Session, donation_ids: Collection[UUID], *, reader: str | None
) -> dict[UUID, list[HowItStands]]:
    """The receipts of each donation that were taken back, oldest first; ``reader`` as there."""
    first = {receipt_entry(donation_id): donation_id for donation_id in donation_ids}
    found: dict[UUID, list[HowItStands]] = {donation_id: [] for donation_id in donation_ids}
    for entry_id in reversals_of(session, list(first)):
        receipts = receipts_of(session, first[entry_id])
        stand = how_they_stand(session, receipts, reader=reader)
        found[first[entry_id]] = [stand[each] for each in receipts if stand[each].reversal_id]
    return found


def receipt_time(session: Session, donation_id: UUID) -> int:
    """Which receipt counts, or is to come: the one after all that were taken back."""
    receipts = receipts_of(session, donation_id)
    return len(reversals_of(session, receipts)) + 1


def line_origin(donation_id: UUID, line: int) -> str:
    return f"donation:{donation_id}/line:{line}"


def lots_of(session: Session, donation_ids: Collection[UUID]) -> dict[UUID, list[Lot]]:
    """The lots that each donation's receipt opened, by line; none for what wasn't received.

    A receipt that was taken back isn't one.
    """
    first = {receipt_entry(donation_id): donation_id for donation_id in donation_ids}
    donation_of = dict(first)
    for entry_id in reversals_of(session, list(first)):
        donation_id = donation_of.pop(entry_id)
        donation_of[receipt_entry(donation_id, receipt_time(session, donation_id))] = donation_id
    found: dict[UUID, list[Lot]] = {donation_id: [] for donation_id in donation_ids}
    for lot in lots_opened_by(session, list(donation_of)):
        found[donation_of[lot.entry_id]].append(lot)
    for lots in found.values():
        lots.sort(key=_line_of)
    return found


def _line_of(lot: Lot) -> int:
    return int(lot.origin.rpartition(":")[2])


def _received(session: Session, lots: Mapping[UUID, Sequence[Lot]]) -> dict[UUID, _Received]:
    """By lot, what came in and when: readings of its moves."""
    ids = [lot.id for some in lots.values() for lot in some]
    packed = packed_from(session, ids)
    found: dict[UUID, _Received] = {}
    for move in moves_of_lots(session, [*ids, *packed]):
        lot_id = packed.get(move.lot_id, move.lot_id)
        found[lot_id] = _with(found.get(lot_id, _Received(move.occurred_at)), move)
    return found


def _with(first: _Received, move: TracedMove) -> _Received:
    """What a reversal takes back wasn't given; what is refunded or given back was, and is told."""
    out = AccountRef.parse(move.source).kind is AccountKind.DONOR
    if not out and AccountRef.parse(move.target).kind is not AccountKind.DONOR:
        return first
    signed = move.quantity if out else -move.quantity
    # From a donor come the gift and the reversal of what went back; to one goes the opposite.
    went_back = move.kind is EntryKind.REVERSE if out else move.kind is not EntryKind.REVERSE
    if went_back:
        return replace(first, returned=first.returned - signed)
    return replace(first, quantity=first.quantity + signed)


def states(session: Session, donations: Sequence[Donation]) -> list[DonationState]:
    """How each donation stands, in the order given."""
    ids = [donation.id for donation in donations]
    lots = lots_of(session, ids)
    received = _received(session, lots)
    became = _became_of(session, received.keys())
    goods = _lines_of(session, ids)
    units = _money_units(session)
    checking = _being_checked(session, ids)
    found = []
    for donation in donations:
        lines = [_goods_line(line) for line in goods[donation.id]]
        if donation.fund is not None:
            lines.append(_money_line(donation, units[donation.fund]))
        opened = {_line_of(lot): lot for lot in lots[donation.id]}
        for index, line in enumerate(lines):
            if (lot := opened.get(line.line)) is not None:
                lines[index] = _as_received(line, lot, received[lot.id], became[lot.id])
        received_at = next((received[lot.id].at for lot in opened.values()), None)
        is_checked = donation.id in checking
        receipt = next((lot.entry_id for lot in lots[donation.id]), None)
        found.append(DonationState(donation, tuple(lines), received_at, is_checked, receipt))
    return found


def _as_received(line: LineState, lot: Lot, came: _Received, became: Became) -> LineState:
    """A pledged line with what came of it: the batch and dates are those of what came."""
    return replace(
        line,
        lot_id=lot.id,
        batch=lot.batch,
        produced_on=lot.produced_on,
        expires_on=lot.expires_on,
        received=came.quantity,
        became=became + Became(returned=came.returned),
    )


def _being_checked(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """Of these gifts, those whose receipt waits for signatures."""
    statement = select(ReceiptPaper.donation_id).where(
        among(ReceiptPaper.donation_id, ids), col(ReceiptPaper.posted_at).is_(None)
    )
    return set(session.exec(statement))


def _lines_of(session: Session, ids: Collection[UUID]) -> dict[UUID, list[DonationLine]]:
    found: dict[UUID, list[DonationLine]] = {donation_id: [] for donation_id in ids}
    statement = select(DonationLine).where(among(DonationLine.donation_id, ids))
    for line in session.exec(statement.order_by(col(DonationLine.line))):
        found[line.donation_id].append(line)
    return found


def _money_units(session: Session) -> dict[str, str]:
    """The minor unit in which each fund counts."""
    found = {}
    for fund in session.exec(select(Fund)):
        currency = find_commodity(session, fund.currency)
        assert currency is not None, "a fund's currency is a foreign key"
        found[fund.code] = currency.base_unit
    return found


def _goods_line(line: DonationLine) -> LineState:
    return LineState(
        line=line.line,
        item=line.item,
        quantity=line.quantity,
        unit=line.unit,
        pledged=line.quantity_base,
        batch=line.batch,
        produced_on=line.produced_on,
        expires_on=line.expires_on,
        note=line.receipt_note,
        refused=line.refused_base,
        refusal=line.refusal,
    )


def _money_line(donation: Donation, unit: str) -> LineState:
    assert donation.amount_minor is not None, "a gift in money has an amount"
    amount = donation.amount_minor
    return LineState(line=1, item=None, quantity=amount, unit=unit, pledged=amount)


def _became_of(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, Became]:
    """What was repacked is told of where the new lots are."""
    packed = packed_from(session, lot_ids)
    found: dict[UUID, Became] = defaultdict(Became)
    for holding in holdings(session, lot_ids=[*lot_ids, *packed]):
        name = BECAME.get(holding.state)
        if name is not None:
            lot_id = packed.get(holding.lot_id, holding.lot_id)
            found[lot_id] += Became(**{name: holding.quantity})
    return found
