"""What is done with lots on shelves: sorted, written off, given back, used, repacked, put away.

Each act is one entry of the journal with the id that its body brings: sent twice, it is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, InvalidInput, NotFound
from services.inventory.access import kept_site
from services.inventory.act_schemas import (
    CAUSES_OF,
    DESTROYED,
    ConsumeIn,
    ExpiredIn,
    ExpiredLine,
    GiveBackIn,
    Held,
    LossIn,
    LotAct,
    PlaceIn,
    RepackIn,
    Shelf,
    SortIn,
)
from services.inventory.models import LotPlace
from services.journal.clock import local_date
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.models import Lot
from services.journal.post import EntryIdReused, InsufficientStock, Posted, post
from services.journal.read import get_lots, holdings, moves_of_entry
from services.journal.record import Draft, NewLot, NewMove
from services.parties.service import Actor


class NotExpired(Conflict):
    code, title = "not-expired", "This lot hasn't expired"


@dataclass(frozen=True, slots=True)
class Done:
    """What an act posted; ``created`` is false where it had been posted before."""

    posted: Posted
    quantity: int
    lots: tuple[UUID, ...]


def get_lot(session: Session, lot_id: UUID) -> Lot:
    lot = get_lots(session, [lot_id]).get(lot_id)
    if lot is None:
        raise NotFound(
            f"There is no lot {lot_id}",
            field="lot_id",
            value=lot_id,
            mend="see GET /api/v1/stock",
        )
    return lot


def sort_lot(session: Session, actor: Actor, body: SortIn) -> Done:
    """Put a quantity of a lot into another state, with the reason.

    Raises:
        LotRecalled, LotExpired: it would come back onto the shelf, or out of the recalled goods.
        InsufficientStock: there isn't that much in that state.

    """
    if body.taken_from == body.put_to.value:
        raise InvalidInput(
            "It is there already",
            field="put_to",
            value=body.put_to.value,
            mend="choose another state",
        )
    if body.taken_from is Held.EXPIRED or (
        body.taken_from is Held.RECALLED and body.put_to is not Shelf.QUARANTINE
    ):
        raise InvalidInput(
            f"What is {body.taken_from} doesn't become {body.put_to}",
            field="taken_from",
            value=body.taken_from.value,
            mend="record it as destroyed; what was recalled goes to quarantine after the lifting",
        )
    return post_act(session, actor, body, EntryKind.RECLASSIFY, (body.taken_from, body.put_to))


def write_off(session: Session, actor: Actor, body: LossIn) -> Done:
    """Record what is gone for good. The cause is published, the reason as typed is not.

    What was destroyed on purpose is recorded by its disposal, which another person decides.
    """
    if body.cause in DESTROYED:
        raise InvalidInput(
            f"{body.cause} is recorded with its approval and certificate",
            field="cause",
            value=body.cause.value,
            mend="ask for the destruction (POST /api/v1/stock/disposals)",
        )
    fits = CAUSES_OF.get(body.cause)
    if fits is not None and body.taken_from not in fits:
        raise InvalidInput(
            f"{body.cause} isn't true of what is {body.taken_from}",
            field="cause",
            value=body.cause.value,
            mend=f"choose another cause, or goods that are {' or '.join(sorted(fits))}",
        )
    facts = {"cause": body.cause.value}
    return post_act(session, actor, body, EntryKind.LOSE, (body.taken_from, "lost"), facts=facts)


def give_back(session: Session, actor: Actor, body: GiveBackIn) -> Done:
    """Surplus of what a hospital received comes back into stock, where a plan may send it on.

    The needs that it came for stay served: what is given back is asked for no more.
    """
    return post_act(session, actor, body, EntryKind.GIVE_BACK, ("received", body.put_to))


def consume(session: Session, actor: Actor, body: ConsumeIn) -> Done:
    """What a hospital used of what it received."""
    return post_act(session, actor, body, EntryKind.CONSUME, ("received", "consumed"))


def repack(session: Session, actor: Actor, body: RepackIn) -> Done:
    """Make new lots of one: the same item, batch and date, piece for piece."""
    site, lot, pieces = _checked(session, actor, body)
    if sum(body.into) != pieces:
        raise InvalidInput(
            f"{pieces} pieces are opened, and {sum(body.into)} packed",
            field="into",
            value=sum(body.into),
            mend="pack as many as are opened; what broke is a loss of its own",
        )
    shelf, converted = site_account(site, "available"), site_account(site, "converted")
    lots = [
        NewLot(
            uuid5(body.id, f"lot/{line}"),
            lot.commodity,
            f"repack:{body.id}/line:{line}",
            lot.batch,
            lot.produced_on,
            lot.expires_on,
        )
        for line, _ in enumerate(body.into, start=1)
    ]
    packed = [
        NewMove(new.id, converted, shelf, part) for new, part in zip(lots, body.into, strict=True)
    ]
    draft = Draft(
        id=body.id,
        kind=EntryKind.REPACK,
        occurred_at=body.occurred_at,
        actor=actor.reference,
        document=f"repack:{body.id}",
        lots=lots,
        moves=[NewMove(lot.id, shelf, converted, pieces), *packed],
        concealed={"reason": body.reason},
    )
    return Done(post(session, draft), pieces, tuple(new.id for new in lots))


def take_off_expired(session: Session, actor: Actor, body: ExpiredIn) -> Done:
    """Put all that is available of expired lots to the expired goods, site by site.

    Raises:
        NotExpired: a lot was still good on that day.
        InsufficientStock: nothing of it is available there any more.

    """
    lots = get_lots(session, {line.lot_id for line in body.lines})
    wanted = {(f"site:{line.site}", line.lot_id) for line in body.lines}
    moves: list[NewMove] = []
    for number, line in enumerate(body.lines):
        kept_site(session, actor, line.site)
        lot = lots.get(line.lot_id) or get_lot(session, line.lot_id)
        if lot.expires_on is None or lot.expires_on > local_date(body.occurred_at):
            raise NotExpired(
                f"Lot {lot.id} expires on {lot.expires_on}",
                field=f"lines[{number}].lot_id",
                value=lot.id,
                mend="leave it out",
            )
        moves += _off_the_shelf(session, line)
    moves = _first_moves(session, body.id) or moves
    if {(move.source.holder, move.lot_id) for move in moves} != wanted:
        raise EntryIdReused(
            f"Entry {body.id} is about other lots",
            field="id",
            value=body.id,
            mend="make a new UUID for a new act",
        )
    draft = Draft(
        id=body.id,
        kind=EntryKind.RECLASSIFY,
        occurred_at=body.occurred_at,
        actor=actor.reference,
        document=f"expired:{body.id}",
        moves=moves,
    )
    return Done(post(session, draft), sum(move.quantity for move in moves), tuple(lots))


def _off_the_shelf(session: Session, line: ExpiredLine) -> list[NewMove]:
    shelf = site_account(line.site, "available")
    held = holdings(session, holder=shelf.holder, state="available", lot_ids=[line.lot_id])
    gone = site_account(line.site, "expired")
    return [NewMove(line.lot_id, shelf, gone, one.quantity) for one in held]


def put_away(session: Session, actor: Actor, body: PlaceIn) -> LotPlace:
    """Note where a lot was put at a site; the same again, or another place, replaces it."""
    site = kept_site(session, actor, body.site)
    lot = get_lot(session, body.lot_id)
    row = LotPlace(
        site=site.code,
        lot_id=lot.id,
        place=body.place,
        put_by=actor.user_id,
        put_at=datetime.now(UTC),
    )
    values = row.model_dump()
    changed = {name: values[name] for name in ("place", "put_by", "put_at")}
    session.connection().execute(
        insert(LotPlace)
        .values(**values)
        .on_conflict_do_update(index_elements=["site", "lot_id"], set_=changed)
    )
    return row


def places_of(session: Session, lot_ids: Sequence[UUID]) -> dict[tuple[str, UUID], str]:
    """Where lots stand, by site and lot."""
    found = session.exec(select(LotPlace).where(among(LotPlace.lot_id, lot_ids)))
    return {(row.site, row.lot_id): row.place for row in found if row.place}


def _checked(session: Session, actor: Actor, body: LotAct) -> tuple[str, Lot, int]:
    site = kept_site(session, actor, body.site)
    lot = get_lot(session, body.lot_id)
    return site.code, lot, catalog.to_pieces(session, lot.commodity, body.quantity, body.unit)


def post_act(
    session: Session,
    actor: Actor,
    body: LotAct,
    kind: EntryKind,
    states: tuple[str, str | AccountRef],
    *,
    document: str = "",
    facts: Mapping[str, Any] | None = None,
    concealed: Mapping[str, str] | None = None,
) -> Done:
    """Move a quantity of a lot from one state to another, or to an account elsewhere."""
    site, lot, pieces = _checked(session, actor, body)
    moves = _moves(session, body.id, (site, lot.id), states, pieces)
    draft = Draft(
        id=body.id,
        kind=kind,
        occurred_at=body.occurred_at,
        actor=actor.reference,
        document=document or f"{kind.value}:{body.id}",
        moves=moves,
        facts=facts or {},
        concealed={"reason": body.reason} | dict(concealed or {}),
    )
    return Done(post(session, draft), pieces, (lot.id,))


def _moves(
    session: Session,
    act_id: UUID,
    what: tuple[str, UUID],
    states: tuple[str, str | AccountRef],
    pieces: int,
) -> list[NewMove]:
    """The moves of an act: out of every account of that state, in their order, until it is enough.

    What a hospital received stands on an account for each need that it came for. An act that is
    sent again takes the moves that it made, whatever stands there now.
    """
    site, lot_id = what
    source, target = states
    first = _first_moves(session, act_id)
    if _says(first, site_account(site, source), lot_id, pieces):
        return first
    moves: list[NewMove] = []
    missing = pieces
    for one in holdings(session, holder=f"site:{site}", state=source, lot_ids=[lot_id]):
        part = min(missing, one.quantity)
        if part:
            account = AccountRef.parse(one.account)
            moves.append(NewMove(lot_id, account, _to(account, site, target), part))
        missing -= part
    if missing:
        raise _too_few(site, lot_id, source, pieces, pieces - missing)
    return moves


def refuse_missing(session: Session, site: str, lot_id: UUID, state: str, pieces: int) -> None:
    """Raise InsufficientStock where less than ``pieces`` of a lot stands at a site in a state."""
    held = holdings(session, holder=f"site:{site}", state=state, lot_ids=[lot_id])
    there = sum(one.quantity for one in held)
    if there < pieces:
        raise _too_few(site, lot_id, state, pieces, there)


def _too_few(site: str, lot_id: UUID, state: str, pieces: int, there: int) -> InsufficientStock:
    return InsufficientStock(
        f"{site} holds {there} of lot {lot_id} as {state}, and {pieces} were to leave it",
        field="quantity",
        value=pieces,
        mend=f"take {there} pieces or fewer, or another lot",
        account=str(site_account(site, state)),
        lot_id=str(lot_id),
        available=there,
    )


def _to(source: AccountRef, site: str, target: str | AccountRef) -> AccountRef:
    if isinstance(target, AccountRef):
        return target
    # What was used for a need stays told apart; what stands in stock again is nobody's.
    return site_account(site, target, source.purpose if target == "consumed" else None)


def _first_moves(session: Session, entry_id: UUID) -> list[NewMove]:
    """What the act moved when it was sent before; of two at once, one waits for the other here."""
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"act/{entry_id}"},
    )
    return [
        NewMove(m.lot_id, AccountRef.parse(m.source), AccountRef.parse(m.target), m.quantity)
        for m in moves_of_entry(session, entry_id)
    ]


def _says(moves: Sequence[NewMove], source: AccountRef, lot_id: UUID, pieces: int) -> bool:
    """Whether moves posted before are those of this act; the rest of it is for ``post`` to see."""
    return sum(move.quantity for move in moves) == pieces and all(
        (move.source.holder, move.source.state, move.lot_id)
        == (source.holder, source.state, lot_id)
        for move in moves
    )
