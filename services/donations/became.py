"""What became of donations: every number here is a reading of the journal."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.database import among
from services.donations.models import Donation, DonationLine, DonationStatus, Fund
from services.journal.kinds import AccountKind, AccountRef
from services.journal.models import Lot
from services.journal.read import (
    TracedMove,
    find_commodity,
    holdings,
    lots_opened_by,
    moves_of_lots,
)


@dataclass(frozen=True, slots=True)
class _Received:
    quantity: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Became:
    """Where received things are now, in pieces or minor units."""

    on_hand: int = 0
    reserved: int = 0
    in_transit: int = 0
    handed_over: int = 0
    rejected: int = 0
    lost: int = 0
    written_off: int = 0
    spent: int = 0
    paid_out: int = 0

    def __add__(self, other: "Became") -> "Became":
        names = [field.name for field in fields(Became)]
        return Became(**{name: getattr(self, name) + getattr(other, name) for name in names})


# By the state of the account where it stands; what a reversal took back stands nowhere.
_BECAME = {
    "available": "on_hand",
    "quarantine": "on_hand",
    "reserved": "reserved",
    "in_transit": "in_transit",
    "received": "handed_over",
    "consumed": "handed_over",
    "rejected": "rejected",
    "lost": "lost",
    "adjusted": "written_off",
    "traded": "spent",
    "paid": "paid_out",
}


@dataclass(frozen=True, slots=True)
class LineState:
    """A pledged line, what was received of it, and where that is. ``item`` is None for money."""

    line: int
    item: str | None
    quantity: int
    unit: str
    pledged: int
    batch: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    note: str | None = None
    lot_id: UUID | None = None
    received: int = 0
    became: Became = Became()


@dataclass(frozen=True, slots=True)
class DonationState:
    """A donation with its lines. ``received_at`` is None for what nobody received yet."""

    donation: Donation
    lines: tuple[LineState, ...]
    received_at: datetime | None

    @property
    def status(self) -> DonationStatus:
        return self.donation.status(received=self.received_at is not None)

    @property
    def became(self) -> Became:
        return sum((line.became for line in self.lines), Became())


def receipt_entry(donation_id: UUID) -> UUID:
    """The entry by which a donation is received."""
    return uuid5(donation_id, "receive")


def line_lot(donation_id: UUID, line: int) -> UUID:
    """The lot that the receipt of a line opens."""
    return uuid5(donation_id, f"line/{line}")


def line_origin(donation_id: UUID, line: int) -> str:
    return f"donation:{donation_id}/line:{line}"


def lots_of(session: Session, donation_ids: Collection[UUID]) -> dict[UUID, list[Lot]]:
    """The lots that each donation's receipt opened, by line; none for what wasn't received."""
    donation_of = {receipt_entry(donation_id): donation_id for donation_id in donation_ids}
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
    found: dict[UUID, _Received] = {}
    for move in moves_of_lots(session, [lot.id for some in lots.values() for lot in some]):
        first = found.get(move.lot_id, _Received(0, move.occurred_at))
        found[move.lot_id] = _Received(first.quantity + _given_by(move), first.at)
    return found


def _given_by(move: TracedMove) -> int:
    """What a move brought in from a donor; what a reversal takes back wasn't given."""
    if AccountRef.parse(move.source).kind is AccountKind.DONOR:
        return move.quantity
    if AccountRef.parse(move.target).kind is AccountKind.DONOR:
        return -move.quantity
    return 0


def states(session: Session, donations: Sequence[Donation]) -> list[DonationState]:
    """How each donation stands, in the order given."""
    ids = [donation.id for donation in donations]
    lots = lots_of(session, ids)
    received = _received(session, lots)
    became = _became_of(session, received.keys())
    goods = _lines_of(session, ids)
    units = _money_units(session)
    found = []
    for donation in donations:
        lines = [_goods_line(line) for line in goods[donation.id]]
        if donation.fund is not None:
            lines.append(_money_line(donation, units[donation.fund]))
        opened = {_line_of(lot): lot.id for lot in lots[donation.id]}
        for index, line in enumerate(lines):
            if (lot_id := opened.get(line.line)) is not None:
                quantity = received[lot_id].quantity
                lines[index] = replace(
                    line, lot_id=lot_id, received=quantity, became=became[lot_id]
                )
        received_at = next((received[lot_id].at for lot_id in opened.values()), None)
        found.append(DonationState(donation, tuple(lines), received_at))
    return found


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
    )


def _money_line(donation: Donation, unit: str) -> LineState:
    assert donation.amount_minor is not None, "a gift in money has an amount"
    amount = donation.amount_minor
    return LineState(line=1, item=None, quantity=amount, unit=unit, pledged=amount)


def _became_of(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, Became]:
    found: dict[UUID, Became] = defaultdict(Became)
    for holding in holdings(session, lot_ids=lot_ids):
        name = _BECAME.get(holding.state)
        if name is not None:
            found[holding.lot_id] += Became(**{name: holding.quantity})
    return found
