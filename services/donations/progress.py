"""How far a gift has come: pledged, expected, received, placed, used up; by line and in all.

Received, placed and used up are readings of the journal: placed is what is set aside, committed
or sent on, used what was handed over, spent or paid out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.donations.models import Donation, DonationStatus, Refusal


class GiftState(StrEnum):
    PLEDGED = "pledged"
    EXPECTED = "expected"
    CHECKING = "checking"
    RECEIVED = "received"
    PARTLY_PLACED = "partly_placed"
    PLACED = "placed"
    PARTLY_USED = "partly_used"
    USED_UP = "used_up"
    GONE = "gone"
    MISSING = "missing"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Share(StrEnum):
    NONE = "none"
    PARTLY = "partly"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Became:
    """Where received things are now, in pieces or minor units.

    ``held`` is kept but can't be used: on hold, recalled, expired or damaged. ``returned`` went
    back to the donor.
    """

    on_hand: int = 0
    reserved: int = 0
    in_transit: int = 0
    handed_over: int = 0
    rejected: int = 0
    lost: int = 0
    written_off: int = 0
    spent: int = 0
    paid_out: int = 0
    committed: int = 0
    returned: int = 0
    held: int = 0

    def __add__(self, other: "Became") -> "Became":
        names = [field.name for field in fields(Became)]
        return Became(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def used(self) -> int:
        return self.handed_over + self.spent + self.paid_out

    @property
    def under_way(self) -> int:
        return self.reserved + self.in_transit + self.committed

    @property
    def placed(self) -> int:
        return self.used + self.under_way

    @property
    def waits(self) -> int:
        """What is there and not meant for anybody yet."""
        return self.on_hand + self.held + self.rejected

    @property
    def placed_share(self) -> Share:
        return _share(self.placed, self.waits)

    @property
    def used_share(self) -> Share:
        return _share(self.used, self.waits + self.under_way)


def _share(done: int, left: int) -> Share:
    if not done:
        return Share.NONE
    return Share.PARTLY if left else Share.COMPLETE


# By the state of the account where it stands; what a reversal took back stands nowhere, and what
# was repacked (`converted`) stands where the new lots do.
BECAME = {
    "available": "on_hand",
    "quarantine": "on_hand",
    "on_hold": "held",
    "recalled": "held",
    "expired": "held",
    "damaged": "held",
    "reserved": "reserved",
    "in_transit": "in_transit",
    "received": "handed_over",
    "consumed": "handed_over",
    "rejected": "rejected",
    "lost": "lost",
    "adjusted": "written_off",
    "committed": "committed",
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
    refused: int = 0
    refusal: Refusal | None = None

    @property
    def received_share(self) -> Share:
        return _share(self.received, max(0, self.pledged - self.received))


@dataclass(frozen=True, slots=True)
class DonationState:
    """A donation with its lines. ``received_at`` is None for what nobody received yet.

    ``receipt`` is the entry by which it was received.
    """

    donation: Donation
    lines: tuple[LineState, ...]
    received_at: datetime | None
    is_checked: bool = False
    receipt: UUID | None = None

    @property
    def status(self) -> DonationStatus:
        return self.donation.status(received=self.received_at is not None)

    @property
    def became(self) -> Became:
        return sum((line.became for line in self.lines), Became())

    @property
    def state(self) -> GiftState:
        before = self._before_receipt()
        return before or _state_of(self.became)

    def state_of(self, line: LineState) -> GiftState:
        """How far one line is."""
        if before := self._before_receipt():
            return before
        if not line.received:
            return GiftState.REFUSED if line.refused else GiftState.MISSING
        return _state_of(line.became)

    def _before_receipt(self) -> GiftState | None:
        """The state of what isn't received; None for what is."""
        if self.status is DonationStatus.RECEIVED:
            return None
        if self.status is not DonationStatus.PLEDGED:
            return GiftState(self.status.value)
        if self.is_checked:
            return GiftState.CHECKING
        return GiftState.EXPECTED if self.donation.expected_on else GiftState.PLEDGED

    @property
    def rolled_received(self) -> Share:
        return _rolled(line.received_share for line in self.lines)

    @property
    def rolled_placed(self) -> Share:
        return _rolled(line.became.placed_share for line in self._came())

    @property
    def rolled_used(self) -> Share:
        return _rolled(line.became.used_share for line in self._came())

    def _came(self) -> list[LineState]:
        return [line for line in self.lines if line.received]


def _state_of(became: Became) -> GiftState:
    if became.used_share is Share.COMPLETE:
        return GiftState.USED_UP
    if became.used_share is Share.PARTLY:
        return GiftState.PARTLY_USED
    if became.placed_share is Share.COMPLETE:
        return GiftState.PLACED
    if became.placed_share is Share.PARTLY:
        return GiftState.PARTLY_PLACED
    return GiftState.RECEIVED if became.waits else GiftState.GONE


def _rolled(shares: Iterable[Share]) -> Share:
    """None where nothing is done, complete where everything is, else partly."""
    found = set(shares)
    if not found or found == {Share.NONE}:
        return Share.NONE
    return Share.COMPLETE if found == {Share.COMPLETE} else Share.PARTLY
