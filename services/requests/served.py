"""How far needs are served: readings of the journal beside what people decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Session, col, select

from services.database import among
from services.journal.kinds import need_purpose
from services.journal.read import by_purpose
from services.requests.models import LIVE, Need, NeedStatus


class Reached(StrEnum):
    """How much of what is asked has come to a stage, or beyond it."""

    NONE = "none"
    PARTLY = "partly"
    COMPLETE = "complete"


STAGES = ("suggested", "approved", "committed", "reserved", "in_transit", "fulfilled")
# Ended by somebody's decision: only what is under way still comes.
_ENDED = (NeedStatus.CANCELLED, NeedStatus.REFUSED)
# Asking for nothing while goods may still be set aside for it.
_SILENT = (*_ENDED, NeedStatus.LAPSED, NeedStatus.RETURNED, NeedStatus.SUBMITTED)


@dataclass(frozen=True, slots=True)
class Served:
    """How far a need is served, in pieces: readings of the journal.

    ``reserved`` stands on shelves, ``in_transit`` is under way, ``received`` was accepted.
    """

    need: Need
    reserved: int
    in_transit: int
    received: int

    @property
    def wanted(self) -> int:
        """What it is served up to: the approved quantity, or, before that, the one asked for."""
        return self.need.approved_base or self.need.quantity_base

    @property
    def committed(self) -> int:
        """What approved plans have set aside for it or done more with.

        It stands on a shelf, is under way, or was received. What is lost, rejected or freed on the
        way is committed no longer.
        """
        return self.reserved + self.in_transit + self.received

    @property
    def outstanding(self) -> int:
        """What nobody has set aside for it yet; what didn't arrive falls back to here.

        Only an approved need asks for anything: this is what the allocator sees.
        """
        return self.unmet if self.need.status is NeedStatus.APPROVED else 0

    @property
    def unmet(self) -> int:
        """What nobody has set aside of what was approved, be it still asked for or lapsed."""
        if self.need.status is NeedStatus.APPROVED or (
            self.need.status is NeedStatus.LAPSED and self.need.approved_base
        ):
            return max(0, self.wanted - self.committed)
        return 0

    @property
    def is_fulfilled(self) -> bool:
        """A met need closes itself, whether it lapsed while its goods were under way or not."""
        may_be = self.need.status in {NeedStatus.APPROVED, NeedStatus.LAPSED}
        return may_be and self.received >= self.wanted

    @property
    def is_open(self) -> bool:
        """Whether its hospital may still change or cancel it."""
        return self.need.status not in _ENDED and not self.is_fulfilled

    @property
    def notice(self) -> str | None:
        """What whoever ended a need still has to know of it."""
        if self.need.status not in _SILENT or not self.reserved:
            return None
        return (
            f"{self.reserved} pieces stay reserved for it until they are sent, or a dispatcher "
            "cancels their shipment"
        )

    @property
    def progress(self) -> str:
        if self.is_fulfilled:
            return "fulfilled"
        if self.need.status is not NeedStatus.APPROVED:
            return self.need.status.value
        if self.outstanding == 0:
            return "in_transit" if self.in_transit else "allocated"
        return "partly_allocated" if self.outstanding < self.wanted else "approved"

    def pieces_at(self, stage: str) -> int:
        """Pieces that have come to a stage or beyond it: what its roll-up is made of.

        A plan commits by reserving, so the two agree as long as nothing is promised that isn't
        made yet. Suggested and approved are set beside what was asked for, the others beside
        what was approved.
        """
        return {
            "suggested": self.need.suggested_base or 0,
            "approved": self.need.approved_base or 0,
            "committed": self.committed,
            "reserved": self.committed,
            "in_transit": self.in_transit + self.received,
            "fulfilled": self.received,
        }[stage]

    def reached(self, stage: str) -> Reached:
        asked_for = stage in {"suggested", "approved"}
        whole = self.need.quantity_base if asked_for else self.wanted
        return _reached(self.pieces_at(stage), whole)

    @property
    def days_of_cover(self) -> float | None:
        return days_of_cover(self.need)


def _reached(pieces: int, whole: int) -> Reached:
    if pieces <= 0:
        return Reached.NONE
    return Reached.COMPLETE if pieces >= whole else Reached.PARTLY


def days_of_cover(need: Need) -> float | None:
    """Days that the hospital's stock lasts by its own figures; None where it said too little."""
    if need.stock_on_hand_base is None or not need.use_per_day_base:
        return None
    return round(need.stock_on_hand_base / need.use_per_day_base, 1)


def roll_up(states: Sequence[Served]) -> dict[str, Reached]:
    """The stages of a request: complete where all its needs are, none where none has begun.

    Needs that were cancelled or refused don't count, unless there are no others.
    """
    counted = [each for each in states if each.need.status not in _ENDED] or list(states)
    found: dict[str, Reached] = {}
    for stage in STAGES:
        reached = {each.reached(stage) for each in counted} or {Reached.NONE}
        found[stage] = reached.pop() if len(reached) == 1 else Reached.PARTLY
    return found


def state_of_request(states: Sequence[Served]) -> str:
    """A request's state in a word: that of the need that is furthest behind.

    A request of which every line was left out asks for nothing, as a cancelled one.
    """
    told = [each.progress for each in states]
    going = [each for each in told if each not in _OVER] or told
    return min(going, key=_BEHIND.index) if going else NeedStatus.CANCELLED.value


_OVER = ("cancelled", "refused", "lapsed")
_BEHIND = (
    *("draft", "returned", "submitted", "approved", "partly_allocated", "allocated"),
    *("in_transit", "fulfilled", "lapsed", "refused", "cancelled"),
)


def served(session: Session, needs: Iterable[Need]) -> list[Served]:
    """How far each need is served, in the order given."""
    listed = list(needs)
    states = by_purpose(session, [need_purpose(need.id) for need in listed])
    return [
        Served(
            need,
            reserved=states[need_purpose(need.id)].get("reserved", 0),
            in_transit=states[need_purpose(need.id)].get("in_transit", 0),
            received=states[need_purpose(need.id)].get("received", 0),
        )
        for need in listed
    ]


def find_needs(
    session: Session,
    *,
    sites: Sequence[str] | None = None,
    item: str | None = None,
    request_id: UUID | None = None,
    statuses: Sequence[NeedStatus] = tuple(NeedStatus),
    posted_until: datetime | None = None,
) -> list[Need]:
    """Needs in the order in which they were recorded."""
    statement = select(Need).where(col(Need.status).in_(statuses)).order_by(col(Need.sequence))
    if sites is not None:
        statement = statement.where(among(Need.site, sites))
    if item is not None:
        statement = statement.where(Need.item == item)
    if request_id is not None:
        statement = statement.where(Need.request_id == request_id)
    if posted_until is not None:
        statement = statement.where(Need.posted_at <= posted_until)
    return list(session.exec(statement))


def get_needs(session: Session, need_ids: Iterable[UUID]) -> dict[UUID, Need]:
    rows = session.exec(select(Need).where(among(Need.id, need_ids)))
    return {need.id: need for need in rows}


def live_needs(session: Session, site: str, item: str | None = None) -> list[Served]:
    """What a site waits for: submitted or approved, and not met yet."""
    found = served(session, find_needs(session, sites=[site], item=item, statuses=LIVE))
    return [each for each in found if not each.is_fulfilled]
