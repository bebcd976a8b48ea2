"""Releasing an earmark: by the donor, or by the desk after a day that the donor set."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid5

from sqlmodel import Session, select

from services.database import among
from services.donations.became import lots_of
from services.donations.models import Donation, EarmarkKind, LotEarmark
from services.donations.receiving_schemas import EarmarkReleaseIn
from services.donations.service import (
    earmark_fact,
    lock,
    require_donor,
    require_receiver,
    subject_of,
)
from services.errors import Conflict, Forbidden, InvalidInput
from services.journal.clock import local_date, refuse_future
from services.journal.flows import find_entries
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.post import post
from services.journal.read import find_entry, lots_opened_by, moves_of_entry, moves_of_lots
from services.journal.record import Draft
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor


class NothingEarmarked(Conflict):
    code, title = "nothing-earmarked", "Nothing of this gift is bound to an earmark"


def release_entry(donation_id: UUID) -> UUID:
    """The entry by which a gift's earmark is released."""
    return uuid5(donation_id, "release-earmark")


def released_at(session: Session, donation_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each gift's earmark was released; nothing for those that bind."""
    entries = {release_entry(donation_id): donation_id for donation_id in donation_ids}
    return {entries[each.id]: each.occurred_at for each in find_entries(session, list(entries))}


def release_earmark(
    session: Session, actor: Actor, donation_id: UUID, body: EarmarkReleaseIn
) -> Donation:
    """Let what is left of a gift serve anybody. Releasing twice is once.

    What was bought with its money is released as far as that money alone paid for it, or other
    money whose earmark was released as well.

    Raises:
        NotFound, Forbidden: no such donation; or neither its donor, nor the desk after the day
            that the donor set.
        NothingEarmarked: it isn't received, or is for everybody.
        InvalidInput: a time before it was received, or one that can't be.

    """
    parties.require_role(actor, Role.DONOR, Role.DISPATCHER)
    donation = lock(session, donation_id)
    by_donor = actor.role is Role.DONOR
    if by_donor:
        require_donor(actor, donation)
    else:
        require_receiver(session, actor, donation)
    refuse_future(body.released_at, "released_at")
    if find_entry(session, release_entry(donation_id)) is not None:
        return donation
    if not by_donor:
        _refuse_before_day(donation, body)
    lots = lots_of(session, [donation_id])[donation_id]
    own = _marks(session, [lot.id for lot in lots])
    if donation.earmark_kind is None or not own:
        raise NothingEarmarked(
            f"Donation {donation_id} isn't received, or is for everybody",
            field="donation_id",
            value=donation_id,
            mend="a pledge's earmark ends with the pledge: cancel it, and pledge again",
        )
    marks = [*own, *_bought_with(session, own)]
    _post(session, actor, donation, marks, body, by="donor" if by_donor else "date")
    return donation


def _refuse_before_day(donation: Donation, body: EarmarkReleaseIn) -> None:
    day = donation.earmark_release_on
    if day is None or local_date(body.released_at) <= day:
        when = f"the desk may after {day}" if day else "nobody else may"
        raise Forbidden(
            f"Only its donor releases this earmark; {when}",
            field="released_at",
            value=body.released_at.isoformat(),
            mend=f"ask {donation.donor} to release it",
        )


def _marks(session: Session, lot_ids: Collection[UUID]) -> list[LotEarmark]:
    """The earmarks of these lots that still bind."""
    statement = select(LotEarmark).where(among(LotEarmark.lot_id, lot_ids))
    return [row for row in session.exec(statement) if row.released_entry is None]


def _bought_with(session: Session, own: Collection[LotEarmark]) -> list[LotEarmark]:
    """Bound goods all of whose money was this gift's, or is bound no more."""
    lots = {mark.lot_id for mark in own}
    entries = {
        move.entry_id for move in moves_of_lots(session, lots) if move.kind is EntryKind.PURCHASE
    }
    goods = {lot.id: lot.entry_id for lot in lots_opened_by(session, entries)}
    found = []
    for mark in _marks(session, goods):
        paid = {
            move.lot_id
            for move in moves_of_entry(session, goods[mark.lot_id])
            if AccountRef.parse(move.source).kind is AccountKind.FUND
        }
        if not {each.lot_id for each in _marks(session, paid)} - lots:
            found.append(mark)
    return found


def _post(
    session: Session,
    actor: Actor,
    donation: Donation,
    marks: Collection[LotEarmark],
    body: EarmarkReleaseIn,
    *,
    by: str,
) -> None:
    entry_id = release_entry(donation.id)
    kind: EarmarkKind | None = donation.earmark_kind
    lots = sorted(str(mark.lot_id) for mark in marks)
    _refuse_before_it_came(session, donation, body)
    post(
        session,
        Draft(
            id=entry_id,
            kind=EntryKind.EARMARK_RELEASED,
            occurred_at=body.released_at,
            # A donor who isn't to be named is named nowhere in clear.
            actor="donor:anonymous" if by == "donor" and donation.anonymous else actor.reference,
            document=f"donation:{donation.id}",
            facts={"earmark": earmark_fact(kind, donation.earmark), "lots": lots, "by": by},
            concealed={"reason": body.reason},
        ),
    )
    for mark in marks:
        mark.released_entry = entry_id
    what = f"earmark {kind}:{donation.earmark} released by the {by}"
    record_change(session, actor, subject_of(donation.id), what, body.reason)
    session.flush()


def _refuse_before_it_came(session: Session, donation: Donation, body: EarmarkReleaseIn) -> None:
    lots = lots_of(session, [donation.id])[donation.id]
    receipt = find_entry(session, lots[0].entry_id)
    assert receipt is not None, "a lot's entry is a foreign key"
    if body.released_at < receipt.occurred_at:
        raise InvalidInput(
            f"It was received at {receipt.occurred_at.isoformat()}, after that",
            field="released_at",
            value=body.released_at.isoformat(),
            mend="give the time when it was released",
        )
