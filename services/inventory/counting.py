"""Stocktakes: a count posts its difference, never a quantity."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.errors import Conflict, InvalidInput, NotFound
from services.inventory.access import kept_site
from services.inventory.models import StockCount
from services.inventory.schemas import CountIn
from services.journal.clock import refuse_future
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.once import claim, digest_of
from services.journal.post import InsufficientStock, post
from services.journal.read import TracedMove, get_lots, moves_of_lots
from services.journal.record import Draft, NewMove
from services.parties.service import Actor


class NeverHere(Conflict):
    code, title = "never-here", "This lot never stood on that shelf"


class MoreThanCame(Conflict):
    code, title = "more-than-came", "More was counted than ever came"


class CountedLater(Conflict):
    code, title = "counted-later", "A later count of this lot exists"


class StockPromised(Conflict):
    code, title = "stock-promised", "What is missing was promised to somebody"


@dataclass(frozen=True, slots=True)
class Counted:
    """A count beside what the journal said before it, in pieces; the entry where they differed."""

    count: StockCount
    difference: int

    @property
    def before(self) -> int:
        return self.count.counted_base - self.difference

    @property
    def entry_id(self) -> UUID | None:
        return self.count.id if self.difference else None


def count(session: Session, actor: Actor, body: CountIn) -> tuple[Counted, bool]:
    """Post the difference between what was counted and what the journal has at that moment.

    Counted is what stands on the shelf: available and reserved. The difference goes to or from
    what is available, since what is reserved was promised. The same body twice is one count.

    Raises:
        NotFound, Forbidden: an unknown site, item or lot, or another organisation's site.
        InvalidInput: a unit, quantity or time that can't be, or a lot of another item.
        NeverHere, MoreThanCame: a lot, or a surplus of it, that came there by no entry.
        StockPromised: more is missing than is available.
        CountedLater: the lot was counted after that already.
        EntryIdReused: the id belongs to something else.

    """
    made = _made(session, actor, body)
    if not claim(session, made):
        return counted(session, session.get_one(StockCount, body.id)), False
    _post_difference(session, actor, made, _difference(session, made))
    return counted(session, session.get_one(StockCount, body.id)), True


def look(session: Session, actor: Actor, body: CountIn) -> tuple[StockCount, int]:
    """The count that a body would make, and how far it is off; raises as ``count`` does.

    A count that was made already is off by nothing any more.
    """
    made = _made(session, actor, body)
    known = session.get(StockCount, body.id)
    return made, 0 if known is not None else _difference(session, made)


def _made(session: Session, actor: Actor, body: CountIn) -> StockCount:
    site = kept_site(session, actor, body.site)
    pieces = _pieces(session, body)
    _check_lot(session, body)
    refuse_future(body.occurred_at)
    take_turns(session, site.code, body.lot_id)
    return StockCount(
        id=body.id,
        site=site.code,
        item=body.item,
        lot_id=body.lot_id,
        counted_base=pieces,
        occurred_at=body.occurred_at,
        reason=body.reason,
        counted_by=actor.user_id,
        content_digest=digest_of(body),
    )


def _difference(session: Session, made: StockCount) -> int:
    _refuse_older(session, made)
    shelf = _shelf(session, made.site, made.lot_id, made.occurred_at)
    _refuse_invented(made, shelf)
    return made.counted_base - shelf.standing


def difference_of(session: Session, site: str, lot_id: UUID, at: datetime, pieces: int) -> int:
    """How far a count of a lot's shelf is from the books at that moment, in pieces."""
    return pieces - _shelf(session, site, lot_id, at).standing


def _pieces(session: Session, body: CountIn) -> int:
    # None left is a count too, in whichever unit that the item has.
    pieces = catalog.to_pieces(session, body.item, body.counted or 1, body.unit, field="counted")
    return pieces if body.counted else 0


def _check_lot(session: Session, body: CountIn) -> None:
    lot = get_lots(session, [body.lot_id]).get(body.lot_id)
    if lot is None:
        raise NotFound(
            f"There is no lot {body.lot_id}",
            field="lot_id",
            value=body.lot_id,
            mend="see GET /api/v1/stock",
        )
    if lot.commodity != body.item:
        raise InvalidInput(
            f"Lot {body.lot_id} is {lot.commodity}",
            field="item",
            value=body.item,
            mend=f"give {lot.commodity}, or another lot",
        )


def take_turns(session: Session, site: str, lot_id: UUID) -> None:
    """Counts of one lot, and their corrections, wait for each other: each sees the other's."""
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"count/{site}/{lot_id}"},
    )


def _refuse_older(session: Session, made: StockCount) -> None:
    """A later count was made against the books without this one: it would be wrong after it."""
    later = session.exec(
        select(StockCount)
        .where(
            StockCount.site == made.site,
            StockCount.lot_id == made.lot_id,
            StockCount.occurred_at > made.occurred_at,
        )
        .order_by(col(StockCount.occurred_at).desc())
    ).first()
    if later is not None:
        raise CountedLater(
            f"Lot {made.lot_id} was counted at {later.occurred_at.isoformat()}",
            field="occurred_at",
            value=made.occurred_at.isoformat(),
            mend="count it again",
        )


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A lot on a site's shelf, available or reserved, when it was counted.

    ``standing`` pieces stood there, of ``came`` that ever came; ``ever`` is whether any move of
    the lot, at whatever time, touched the shelf.
    """

    standing: int
    came: int
    ever: bool


def _shelf(session: Session, site: str, lot_id: UUID, at: datetime) -> _Shelf:
    parts = (str(site_account(site, "available")), str(site_account(site, "reserved")))
    standing = came = 0
    ever = False
    for move in moves_of_lots(session, [lot_id]):
        change = _is_part(move.target, parts) - _is_part(move.source, parts)
        ever = ever or change != 0
        if move.occurred_at <= at:
            standing += change * move.quantity
            came += change * move.quantity if _brings(move, change) else 0
    return _Shelf(standing, came, ever)


def _is_part(account: str, parts: tuple[str, ...]) -> bool:
    return any(account == part or account.startswith(f"{part}/") for part in parts)


def _brings(move: TracedMove, change: int) -> bool:
    """Whether goods arrive by this move, or are said never to have arrived, by a reversal.

    What a stocktake found didn't arrive: else one surplus would be the next one's excuse.
    """
    if "adjusted" in {AccountRef.parse(code).state for code in (move.source, move.target)}:
        return False
    return change < 0 if move.kind is EntryKind.REVERSE else change > 0


def _refuse_invented(made: StockCount, shelf: _Shelf) -> None:
    """A count finds again what had left the books; it never brings in goods by itself."""
    if not shelf.ever:
        raise NeverHere(
            f"Lot {made.lot_id} never stood at site {made.site}",
            field="lot_id",
            value=made.lot_id,
            mend="count the lots that GET /api/v1/stock shows there; what came another way "
            "is received as a donation, bought, or reported as output",
        )
    if made.counted_base > max(shelf.came, shelf.standing):
        raise MoreThanCame(
            f"{shelf.came} pieces of lot {made.lot_id} ever came to {made.site} by then, "
            f"and {made.counted_base} were counted",
            field="counted",
            value=made.counted_base,
            mend=f"count {shelf.came} pieces at most; record what is more as what it is: "
            "a donation, a purchase or output",
            came_base=shelf.came,
        )


def _post_difference(session: Session, actor: Actor, made: StockCount, difference: int) -> None:
    if not difference:
        return
    available = site_account(made.site, "available")
    adjusted = site_account(made.site, "adjusted")
    source, target = (adjusted, available) if difference > 0 else (available, adjusted)
    draft = Draft(
        id=made.id,
        kind=EntryKind.ADJUST,
        occurred_at=made.occurred_at,
        actor=actor.reference,
        document=f"count:{made.id}",
        moves=[NewMove(made.lot_id, source, target, abs(difference))],
        facts={"counted": str(made.counted_base)},
        # What people write may name people, and the log can't forget: never in clear there.
        concealed={"reason": made.reason},
    )
    try:
        post(session, draft)
    except InsufficientStock as error:
        raise StockPromised(
            f"{-difference} are missing, and {error.extra['available']} are available",
            field="counted",
            value=made.counted_base,
            mend="release what is reserved of this lot, or count what has left it, then send again",
        ) from error


def counted(session: Session, made: StockCount) -> Counted:
    """A count beside what it posted."""
    adjusted = str(site_account(made.site, "adjusted"))
    difference = sum(
        move.quantity if move.source == adjusted else -move.quantity
        for move in moves_of_lots(session, [made.lot_id])
        if move.entry_id == made.id
    )
    return Counted(made, difference)
