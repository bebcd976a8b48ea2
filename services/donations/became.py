"""What became of donations: every number here is a reading of the journal."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.donations.models import Donation, DonationLine, Fund
from services.journal.kinds import AccountKind, AccountRef
from services.journal.read import (
    TracedMove,
    find_commodity,
    holdings,
    lots_opened_by,
    moves_of_lots,
)


@dataclass(frozen=True, slots=True)
class ReceivedLot:
    """One line of a gift as it was received: pieces of an item, or minor units of a currency."""

    line: int
    lot_id: UUID
    commodity: str
    quantity: int
    received_at: datetime


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
    def status(self) -> str:
        if self.donation.cancelled_at is not None:
            return "cancelled"
        return "pledged" if self.received_at is None else "received"

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


def received(session: Session, donation_ids: Collection[UUID]) -> dict[UUID, list[ReceivedLot]]:
    """The lots of each donation's receipt, by line; an empty list for what wasn't received."""
    donation_of = {receipt_entry(donation_id): donation_id for donation_id in donation_ids}
    lots = {lot.id: lot for lot in lots_opened_by(session, list(donation_of))}
    came: dict[UUID, int] = dict.fromkeys(lots, 0)
    moments: dict[UUID, datetime] = {}
    for move in moves_of_lots(session, list(lots)):
        moments.setdefault(move.lot_id, move.occurred_at)
        came[move.lot_id] += _given_by(move)
    found: dict[UUID, list[ReceivedLot]] = {donation_id: [] for donation_id in donation_ids}
    for lot in lots.values():
        line = int(lot.origin.rpartition(":")[2])
        found[donation_of[lot.entry_id]].append(
            ReceivedLot(line, lot.id, lot.commodity, came[lot.id], moments[lot.id])
        )
    for listed in found.values():
        listed.sort(key=lambda one: one.line)
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
    lots = {(of, one.line): one for of, some in received(session, ids).items() for one in some}
    became = _became_of(session, {one.lot_id for one in lots.values()})
    goods = _lines_of(session, ids)
    units = _money_units(session)
    found = []
    for donation in donations:
        told = [_goods_line(line) for line in goods[donation.id]]
        if donation.fund is not None:
            told.append(_money_line(donation, units[donation.fund]))
        lines = [_followed(line, lots.get((donation.id, line.line)), became) for line in told]
        first = next((one for line in lines if (one := lots.get((donation.id, line.line)))), None)
        found.append(DonationState(donation, tuple(lines), first.received_at if first else None))
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


def _followed(line: LineState, lot: ReceivedLot | None, became: Mapping[UUID, Became]) -> LineState:
    if lot is None:
        return line
    return replace(
        line,
        lot_id=lot.lot_id,
        received=lot.quantity,
        became=became.get(lot.lot_id, Became()),
    )


def _became_of(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, Became]:
    found: dict[UUID, Became] = defaultdict(Became)
    for holding in holdings(session, lot_ids=lot_ids):
        name = _BECAME.get(holding.state)
        if name is not None:
            found[holding.lot_id] += Became(**{name: holding.quantity})
    return found


def among(column: UUID, ids: Iterable[UUID]) -> sa.ColumnElement[bool]:
    """One array parameter: an IN of many thousand would be more than a statement may have."""
    return col(column) == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid())))
