"""Recalls: stop a lot or a batch everywhere in one transaction, gather it, and follow it up.

What is stopped is the journal's own matter (`services.journal.stops`). Here a recall is opened,
what stands anywhere is moved to the recalled goods, and everybody who has or had some is told.
"""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlmodel import Session

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert, raise_alert
from services.catalog import service as catalog
from services.errors import Conflict, InvalidInput
from services.inventory.acts import get_lot
from services.inventory.models import Recall
from services.inventory.recall_reading import (
    Touched,
    lots_under,
    no_recall,
    organisations_of,
    touched,
)
from services.inventory.recall_schemas import LiftIn, RecallIn
from services.journal.kinds import AccountKind, AccountRef, EntryKind
from services.journal.once import claim, digest_of
from services.journal.post import EntryIdReused, post
from services.journal.read import (
    holdings,
    moves_of_lots,
)
from services.journal.record import Draft, NewMove
from services.journal.stops import hold_together, repacked_from, stopped_lots
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor

_OPENERS = (Role.DISPATCHER, Role.APPROVER)
_GATHERED = frozenset(
    {"available", "reserved", "quarantine", "on_hold", "expired", "damaged", "rejected", "received"}
)


class AlreadyLifted(Conflict):
    code, title = "already-lifted", "This recall was lifted already"


def open_recall(session: Session, actor: Actor, body: RecallIn) -> tuple[Recall, bool]:
    """Stop a lot, or every lot of a batch, and gather what stands anywhere; all or nothing.

    Raises:
        NotFound: there is no such lot or item.
        InvalidInput: neither lot nor batch, or both.
        RecallIncomplete: some of it was being repacked at this moment: send it again.

    """
    parties.require_role(actor, *_OPENERS)
    known = session.get(Recall, body.id)
    if known is not None:
        return _repeated(known, body), False
    item, lot_ids = _named(session, body)
    batches = [{"commodity": item, "batch": body.batch}] if body.batch else []
    posted = post(
        session,
        Draft(
            id=body.id,
            kind=EntryKind.RECALL_OPENED,
            occurred_at=body.occurred_at,
            actor=actor.reference,
            document=f"recall:{body.id}",
            facts={
                "lots": [] if body.batch else [str(lot_id) for lot_id in sorted(lot_ids)],
                "batches": batches,
                "cause": body.cause.value,
            },
            concealed={"reason": body.reason},
        ),
    )
    made = Recall(
        id=body.id,
        item=item,
        lot_id=body.lot_id,
        batch=body.batch,
        reason=body.reason,
        occurred_at=body.occurred_at,
        opened_by=actor.user_id,
        opened_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not posted.created or not claim(session, made):
        return _repeated(session.get_one(Recall, body.id), body), False
    recall = session.get_one(Recall, body.id)
    _gather(session, actor, recall)
    record_change(session, actor, f"recall:{recall.id}", "opened", body.reason)
    _tell(session, recall)
    return recall, True


def _repeated(known: Recall, body: RecallIn) -> Recall:
    if known.content_digest != digest_of(body):
        raise EntryIdReused(
            f"Recall {body.id} exists and says something else",
            field="id",
            value=body.id,
            mend="make a new UUID for another recall",
        )
    return known


def _named(session: Session, body: RecallIn) -> tuple[str, set[UUID]]:
    """The item, and the lots with all that was repacked from them."""
    if (body.lot_id is None) == (body.batch is None):
        raise InvalidInput(
            "A recall is of one lot, or of one batch of an item",
            field="batch",
            value=body.batch,
            mend="give a lot, or an item and its batch number",
        )
    if body.lot_id is not None:
        lot = get_lot(session, body.lot_id)
        catalog.get_item(session, lot.commodity)
        return lot.commodity, {lot.id} | repacked_from(session, [lot.id])
    if body.item is None:
        raise InvalidInput(
            "Batch numbers are told apart by item", field="item", mend="give the item too"
        )
    return catalog.get_item(session, body.item).code, set()


def _gather(session: Session, actor: Actor, recall: Recall) -> None:
    """All that stands at sites, to the recalled goods there; the lots are locked by now."""
    lot_ids = [lot.id for lot in lots_under(session, recall)]
    moves = [
        NewMove(
            one.lot_id,
            AccountRef.parse(one.account),
            AccountRef(one.holder, "recalled"),
            one.quantity,
        )
        for one in holdings(session, lot_ids=lot_ids)
        if one.state in _GATHERED and one.kind in {AccountKind.SITE, AccountKind.RECIPIENT}
    ]
    if not moves:
        return
    # Nothing is gathered before it came there, whenever the recall itself was decided.
    newest = max(move.occurred_at for move in moves_of_lots(session, lot_ids))
    post(
        session,
        Draft(
            id=uuid5(recall.id, "gather"),
            kind=EntryKind.RECALL,
            occurred_at=max(recall.occurred_at, newest),
            actor=actor.reference,
            document=f"recall:{recall.id}",
            moves=moves,
        ),
    )


def lift_recall(session: Session, actor: Actor, recall_id: UUID, body: LiftIn) -> Recall:
    """End a recall, with a reason: what was gathered is in quarantine, to be looked at.

    What another recall still stops stays with the recalled goods.

    Raises:
        AlreadyLifted: it was lifted before, for another reason or by somebody else.

    """
    parties.require_role(actor, *_OPENERS)
    recall = session.get(Recall, recall_id, with_for_update=True, populate_existing=True)
    if recall is None:
        raise no_recall(recall_id)
    if recall.lifted_at is not None:
        if (recall.lift_reason, recall.lifted_by) == (body.reason, actor.user_id):
            return recall
        raise AlreadyLifted(
            f"It was lifted at {recall.lifted_at.isoformat()}",
            field="recall_id",
            value=recall_id,
            mend="open another recall where it is to be stopped again",
        )
    if body.occurred_at < recall.occurred_at:
        raise InvalidInput(
            "It can't be lifted before it was opened",
            field="occurred_at",
            value=body.occurred_at.isoformat(),
            mend=f"give a time from {recall.occurred_at.isoformat()} on",
        )
    # Of two recalls lifted at once, the later one sees that the first one stops nothing any more.
    hold_together(session, {lot.id for lot in lots_under(session, recall)}, alone=True)
    post(
        session,
        Draft(
            id=uuid5(recall.id, "lift"),
            kind=EntryKind.RECALL_LIFTED,
            occurred_at=body.occurred_at,
            actor=actor.reference,
            document=f"recall:{recall.id}",
            facts={"lifts": str(recall.id)},
            concealed={"reason": body.reason},
        ),
    )
    recall.lifted_by, recall.lifted_at = actor.user_id, body.occurred_at
    recall.lift_reason = body.reason
    session.flush()
    _to_quarantine(session, actor, recall)
    record_change(session, actor, f"recall:{recall.id}", "lifted", body.reason)
    for subject in _told(session, touched(session, recall), recall):
        close_alert(session, AlertKind.RECALL, subject)
    return recall


def _to_quarantine(session: Session, actor: Actor, recall: Recall) -> None:
    lot_ids = {lot.id for lot in lots_under(session, recall)}
    free = lot_ids - stopped_lots(session, lot_ids).keys()
    moves = [
        NewMove(
            one.lot_id,
            AccountRef.parse(one.account),
            AccountRef(one.holder, "quarantine"),
            one.quantity,
        )
        for one in holdings(session, lot_ids=free, state="recalled")
    ]
    if not moves:
        return
    newest = max(move.occurred_at for move in moves_of_lots(session, free))
    assert recall.lifted_at is not None
    post(
        session,
        Draft(
            id=uuid5(recall.id, "to-quarantine"),
            kind=EntryKind.RECLASSIFY,
            occurred_at=max(recall.lifted_at, newest),
            actor=actor.reference,
            document=f"recall:{recall.id}",
            moves=moves,
        ),
    )


def _told(session: Session, found: Touched, recall: Recall) -> dict[str, str | None]:
    """The alerts of a recall: one for the desks, one for each organisation; whom, by subject."""
    desks: dict[str, str | None] = {f"recall:{recall.id}": None}
    return desks | {
        f"recall:{recall.id}/{organisation}": organisation
        for organisation in sorted(organisations_of(session, found))
    }


def _tell(session: Session, recall: Recall) -> None:
    found = touched(session, recall)
    for subject, organisation in _told(session, found, recall).items():
        raise_alert(
            session,
            AlertKind.RECALL,
            subject,
            Severity.CRITICAL,
            path=f"/recalls/{recall.id}",
            roles=[] if organisation else [Role.DISPATCHER, Role.APPROVER, Role.AUDITOR],
            organisation=organisation,
            item=recall.item,
            facts={
                "item": recall.item,
                "batch": recall.batch or "",
                "gathered": found.progress["gathered"],
                "under_way": found.progress["under_way"],
            },
        )
