"""Where each piece of a donation went, by quantity: its lots' moves, and nothing else.

A gift of money is followed across the purchases that it paid for: one entry holds both moves.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlmodel import Session

from services.donations import service as donations
from services.donations.became import receipts_of
from services.donations.models import Donation
from services.donations.releasing import release_entry
from services.journal.flows import packed_from
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.models import Lot
from services.journal.read import (
    TracedMove,
    find_entry,
    holdings,
    lots_of,
    lots_opened_by,
    moves_of_entry,
    moves_of_lots,
)
from services.parties import service as parties


@dataclass(frozen=True, slots=True)
class Standing:
    """``quantity`` of a lot that now stands on an account, in the commodity's base unit."""

    account: str
    holder: str
    state: str
    quantity: int


@dataclass(frozen=True, slots=True)
class TracedLot:
    """``opened`` came in; ``standings`` say where it all is now, and add up to it."""

    lot_id: UUID
    commodity: str
    batch: str | None
    expires_on: date | None
    opened: int
    standings: tuple[Standing, ...]
    moves: tuple[TracedMove, ...]

    @property
    def conserved(self) -> bool:
        return self.opened == sum(each.quantity for each in self.standings)


@dataclass(frozen=True, slots=True)
class TracedPurchase:
    """Goods bought with this gift's money, wholly or in part; what was repacked of them too."""

    entry_id: UUID
    occurred_at: datetime
    paid_from_gift: int
    paid_in_all: int
    lots: tuple[TracedLot, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """What of a gift wasn't taken, and so never came in. ``item`` is None for money."""

    item: str | None
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of one donation; no lots where it wasn't received yet."""

    donation: Donation
    status: str
    donor_name_en: str | None
    donor_name_zh: str | None
    lots: tuple[TracedLot, ...]
    purchases: tuple[TracedPurchase, ...]
    refused: tuple[Refused, ...] = ()
    earmark_released: bool = False
    refused_at: datetime | None = None
    refusal_entry: UUID | None = None

    @property
    def ok(self) -> bool:
        """Whether every piece that came in is accounted for."""
        bought = [lot for purchase in self.purchases for lot in purchase.lots]
        return all(lot.conserved for lot in [*self.lots, *bought])


def trace(session: Session, donation_id: UUID) -> Trace:
    """Follow a donation. NotFound where there is none of that id."""
    donation = donations.get_donation(session, donation_id)
    donor = parties.get_organisation(session, donation.donor)
    shown = not donation.anonymous
    lots = _with_repacked(session, lots_opened_by(session, receipts_of(session, donation_id)))
    moves = moves_of_lots(session, [lot.id for lot in lots])
    state = donations.states(session, [donation])[0]
    refusal = find_entry(session, donations.refusal_entry(donation_id))
    return Trace(
        donation=donation,
        status=state.status,
        donor_name_en=parties.public_name(donor, "en") if shown else None,
        donor_name_zh=parties.public_name(donor, "zh") if shown else None,
        lots=tuple(_traced(session, lot, moves) for lot in lots),
        purchases=_purchases(session, moves),
        refused=tuple(
            Refused(line.item, line.refused, line.refusal)
            for line in state.lines
            if line.refused and line.refusal
        ),
        earmark_released=find_entry(session, release_entry(donation_id)) is not None,
        refused_at=refusal.occurred_at if refusal else donation.refused_at,
        refusal_entry=refusal.id if refusal else None,
    )


def _with_repacked(session: Session, lots: Sequence[Lot]) -> list[Lot]:
    """The lots, and all that was made of them by repacking: the gift goes on in those."""
    packed = packed_from(session, [lot.id for lot in lots])
    return [*lots, *lots_of(session, lot_ids=packed)]


def _traced(session: Session, lot: Lot, moves: Sequence[TracedMove]) -> TracedLot:
    """What came in is read from the moves, where it stands from the balances: two accounts."""
    own = tuple(move for move in moves if move.lot_id == lot.id)
    origins = {move.source for move in own if move.entry_id == lot.entry_id}
    back = {origin: sum(_refunded(move, origin) for move in own) for origin in origins}
    return TracedLot(
        lot_id=lot.id,
        commodity=lot.commodity,
        batch=lot.batch,
        expires_on=lot.expires_on,
        opened=_came_in(own, origins) + sum(back.values()),
        standings=(
            *(
                Standing(each.account, each.holder, _told_as(each.state), each.quantity)
                for each in holdings(session, lot_ids=[lot.id], above_zero=False)
                if each.account not in origins
            ),
            *(
                Standing(origin, origin.partition("/")[0], "returned", quantity)
                for origin, quantity in sorted(back.items())
                if quantity
            ),
        ),
        moves=own,
    )


def _told_as(state: str) -> str:
    """What stands with its donor again, other than where it came from, was given back."""
    return "returned" if state == "given" else state


def _came_in(moves: Sequence[TracedMove], origins: Collection[str]) -> int:
    """What came from there, less what went back there."""
    came = sum(move.quantity for move in moves if move.source in origins)
    return came - sum(move.quantity for move in moves if move.target in origins)


def _refunded(move: TracedMove, origin: str) -> int:
    """What a move gave back of what did come in; what a reversal takes back never came."""
    if move.kind in {EntryKind.REFUND, EntryKind.GIVE_BACK} and move.target == origin:
        return move.quantity
    # The reversal of such a one.
    return -move.quantity if move.kind is EntryKind.REVERSE and move.source == origin else 0


def _purchases(session: Session, moves: Sequence[TracedMove]) -> tuple[TracedPurchase, ...]:
    paid: dict[UUID, int] = defaultdict(int)
    when: dict[UUID, datetime] = {}
    for move in moves:
        if move.kind is EntryKind.PURCHASE:
            paid[move.entry_id] += move.quantity
            when[move.entry_id] = move.occurred_at
    bought = {lot.id: lot.entry_id for lot in lots_opened_by(session, list(paid))}
    packed = packed_from(session, bought)
    entry_of = bought | {lot_id: bought[of] for lot_id, of in packed.items()}
    goods = lots_of(session, lot_ids=entry_of)
    goods_moves = moves_of_lots(session, list(entry_of))
    return tuple(
        TracedPurchase(
            entry_id=entry_id,
            occurred_at=when[entry_id],
            paid_from_gift=minor,
            paid_in_all=_price(session, entry_id),
            lots=tuple(
                _traced(session, lot, goods_moves) for lot in goods if entry_of[lot.id] == entry_id
            ),
        )
        for entry_id, minor in paid.items()
    )


def _price(session: Session, entry_id: UUID) -> int:
    """What was paid in all by a purchase: its moves from the fund, in minor units."""
    return sum(
        move.quantity
        for move in moves_of_entry(session, entry_id)
        if AccountRef.parse(move.source).kind is AccountKind.FUND
    )
