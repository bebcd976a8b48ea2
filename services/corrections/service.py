"""Corrections: an entry is taken back by its opposite, with a reason; nothing is ever edited."""

from dataclasses import dataclass
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import Session

from services.corrections.rules import Instead, Rule, is_theirs, rule_of
from services.corrections.schemas import CorrectIn
from services.errors import Conflict, Forbidden, NotFound
from services.journal.models import Entry
from services.journal.post import AlreadyReversed, InsufficientStock, reverse
from services.journal.read import entries_of, find_entry, moves_of_entry
from services.journal.reversals import InTheWay, in_the_way, reversals_of
from services.journal.stops import hold_together
from services.parties.changes import record_change
from services.parties.service import Actor
from services.web.i18n import to_gettext


class NotCorrectable(Conflict):
    code, title = "not-correctable", "This is corrected by another act"


class MovedOn(Conflict):
    code, title = "moved-on", "What it brought has moved on"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a correction would do: the entries taken back together, or why it can't be done.

    ``refusal`` is None where it can be done; ``in_the_way`` is to be taken back first.
    """

    entry: Entry
    together: tuple[UUID, ...]
    after: str
    refusal: Instead | None
    in_the_way: tuple[InTheWay, ...]
    reversal: Entry | None = None

    @property
    def possible(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Corrected:
    """What was taken back, entry by entry: ``reversals`` by the id of their originals."""

    entry: Entry
    reversals: dict[UUID, Entry]
    created: bool


def get_entry(session: Session, entry_id: UUID) -> Entry:
    entry = find_entry(session, entry_id)
    if entry is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    return entry


def look(session: Session, actor: Actor, entry_id: UUID) -> Outlook:
    """What correcting an entry would do, for who may.

    Raises:
        NotFound: there is no such entry.
        Forbidden: another organisation posted it, or the role doesn't speak for its desk.

    """
    entry = get_entry(session, entry_id)
    rule = rule_of(entry)
    _require_own(actor, entry, rule)
    reversal = reversals_of(session, [entry.id]).get(entry.id)
    if reversal is not None:
        told = Instead(to_gettext("it was taken back already"), to_gettext("see the correction"))
        return Outlook(entry, (entry.id,), "", told, (), reversal)
    if isinstance(rule, Instead):
        return Outlook(entry, (entry.id,), "", rule, ())
    together = tuple(rule.together(session, entry))
    blocking = tuple(in_the_way(session, together))
    refusal = rule.hinder(session, entry)
    if blocking and refusal is None:
        refusal = Instead(
            to_gettext("what it brought has moved on since"),
            to_gettext("take back what moved it on, the newest first"),
        )
    return Outlook(entry, together, rule.after, refusal, blocking)


def correct(session: Session, actor: Actor, entry_id: UUID, body: CorrectIn) -> Corrected:
    """Take an entry back, with what says the same, and the desk's state with it. Twice is once.

    Raises:
        NotFound, Forbidden: no such entry, or not this organisation's or role's to correct.
        AlreadyReversed: somebody else took it back before.
        MovedOn: what it brought has moved on; the entries that moved it are named.
        NotCorrectable: it is corrected by another act, which is named.
        EntryIdReused: the id belongs to something else.
        LotRecalled: a recalled lot would come into use again.

    """
    entry = get_entry(session, entry_id)
    before = reversals_of(session, [entry_id]).get(entry_id)
    if before is not None and before.id == body.id:
        return _again(session, actor, entry, before, body)
    rule = rule_of(entry)
    _require_own(actor, entry, rule)
    if isinstance(rule, Instead):
        raise NotCorrectable(
            f"It isn't taken back: {rule.because}",
            field="entry_id",
            value=entry_id,
            mend=rule.mend,
        )
    _take_turns(session, entry)
    rule.hold(session, entry)
    before = reversals_of(session, [entry_id]).get(entry_id)
    if before is not None:
        return _again(session, actor, entry, before, body)
    hindered = rule.hinder(session, entry)
    if hindered is not None:
        raise NotCorrectable(
            f"It isn't taken back: {hindered.because}",
            field="entry_id",
            value=entry_id,
            mend=hindered.mend,
        )
    together = rule.together(session, entry)
    reversals = _reverse_all(session, actor, entry_id, together, body)
    rule.settle(session, actor, entry, body.reason)
    subject = entry.document or f"entry:{entry_id}"
    # Why is told with the correction itself: a paper's history is read by others too.
    record_change(session, actor, subject, f"{entry.kind.value} taken back")
    session.flush()
    return Corrected(entry, reversals, created=True)


def _require_own(actor: Actor, entry: Entry, rule: Rule | Instead) -> None:
    if isinstance(rule, Instead):
        return
    if not is_theirs(actor, entry, rule):
        raise Forbidden(
            f"Entry {entry.id} was posted by {entry.actor.partition(':')[2]}",
            field="entry_id",
            value=entry.id,
            mend="ask whoever posted it to correct it",
        )


def _take_turns(session: Session, entry: Entry) -> None:
    """Corrections of one paper wait for each other: of two at once, one is the first."""
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"correct/{entry.document or entry.id}"},
    )


def _again(
    session: Session, actor: Actor, entry: Entry, before: Entry, body: CorrectIn
) -> Corrected:
    """The same body sent again is the same correction; another one comes too late."""
    if before.id != body.id:
        raise AlreadyReversed(
            f"Entry {entry.id} was taken back at {before.recorded_at.isoformat()}",
            field="entry_id",
            value=entry.id,
            mend="see the correction; post what is true now",
            reversal=str(before.id),
        )
    posted = reverse(
        session, entry.id, reversal_id=body.id, actor=actor.reference, reason=body.reason
    )
    alike = entries_of(session, entry.document) if entry.document else [entry]
    ids = {uuid5(body.id, str(each.id)) for each in alike} | {posted.entry.id}
    undone = reversals_of(session, [each.id for each in alike])
    first = {original: each for original, each in undone.items() if each.id in ids}
    return Corrected(entry, first, created=False)


def _reverse_all(
    session: Session, actor: Actor, asked: UUID, together: list[UUID], body: CorrectIn
) -> dict[UUID, Entry]:
    """Reverse each; the one that was asked for under the body's own id."""
    found: dict[UUID, Entry] = {}
    moves = [move for each in together for move in moves_of_entry(session, each)]
    hold_together(session, {move.lot_id for move in moves})
    try:
        with session.begin_nested():
            for each in together:
                reversal_id = body.id if each == asked else uuid5(body.id, str(each))
                found[each] = reverse(
                    session,
                    each,
                    reversal_id=reversal_id,
                    actor=actor.reference,
                    reason=body.reason,
                ).entry
    except InsufficientStock as error:
        raise _moved_on(in_the_way(session, together), asked) from error
    return found


def _moved_on(blocking: list[InTheWay], asked: UUID) -> MovedOn:
    named = ", ".join(f"{each.kind.value} {each.entry_id}" for each in blocking[:3])
    return MovedOn(
        f"{len(blocking)} entries moved on what entry {asked} brought: {named}"
        if blocking
        else f"What entry {asked} brought isn't there any more",
        field="entry_id",
        value=asked,
        mend="take these back first, the newest first; or count the lot",
        in_the_way=[
            {
                "entry_id": str(each.entry_id),
                "kind": each.kind.value,
                "document": each.document,
                "commodity": each.commodity,
                "quantity": each.quantity,
            }
            for each in blocking
        ],
    )
