"""What to take for so many pieces of an item at a site: first expired, first out, and what not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Session

from services.journal.clock import local_date
from services.journal.kinds import AccountKind
from services.journal.read import Holding, holdings
from services.journal.stops import stopped_lots


class Skipped(StrEnum):
    """Why a lot isn't taken; ``not_needed`` is good, and enough came before it."""

    EXPIRED = "expired"
    EXPIRES_BEFORE_ARRIVAL = "expires_before_arrival"
    RECALLED = "recalled"
    QUARANTINE = "quarantine"
    ON_HOLD = "on_hold"
    DAMAGED = "damaged"
    REJECTED = "rejected"
    RESERVED = "reserved"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Picked:
    """``quantity`` pieces to take of a lot, of ``available`` that stand there."""

    lot_id: UUID
    batch: str | None
    expires_on: date | None
    available: int
    quantity: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """``quantity`` pieces of a lot that stand there and aren't taken, and why."""

    lot_id: UUID
    batch: str | None
    expires_on: date | None
    quantity: int
    reason: Skipped


@dataclass(frozen=True, slots=True)
class Pick:
    """``short`` pieces are wanted beyond what is good and free here."""

    picked: tuple[Picked, ...]
    skipped: tuple[LeftOut, ...]
    short: int


def suggest_pick(
    session: Session, site: str, item: str, quantity: int, arrives_on: date | None = None
) -> Pick:
    """Which lots to take, those that expire first before others; what never expires comes last.

    ``arrives_on`` is the local day when it is to be there, today where it isn't given: as in the
    allocator, a lot has to be good on that day still.
    """
    today = local_date(datetime.now(UTC))
    held = holdings(session, kinds=[AccountKind.SITE], holder=f"site:{site}", commodity=item)
    stopped = stopped_lots(session, {one.lot_id for one in held}).keys()
    picked: list[Picked] = []
    skipped: list[LeftOut] = []
    wanted = quantity
    for one in held:
        reason = _reason(one, stopped, today, arrives_on or today)
        part = 0 if reason else min(wanted, one.quantity)
        wanted -= part
        if part:
            picked.append(Picked(one.lot_id, one.batch, one.expires_on, one.quantity, part))
        if one.quantity > part:
            rest, why = one.quantity - part, reason or Skipped.NOT_NEEDED
            skipped.append(LeftOut(one.lot_id, one.batch, one.expires_on, rest, why))
    return Pick(tuple(picked), tuple(skipped), wanted)


def _reason(
    one: Holding, stopped: Collection[UUID], today: date, arrives_on: date
) -> Skipped | None:
    if one.lot_id in stopped or one.state == "recalled":
        return Skipped.RECALLED
    if one.state != "available":
        return Skipped(one.state)
    if one.expires_on is not None and one.expires_on <= min(today, arrives_on):
        return Skipped.EXPIRED
    if one.expires_on is not None and one.expires_on <= arrives_on:
        return Skipped.EXPIRES_BEFORE_ARRIVAL
    return None
