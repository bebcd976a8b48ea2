"""What may be corrected by whom, and what else says the same and has to be taken back with it.

One table, by the entry's kind and by what its document is. Whoever posted it may correct it: the
same organisation, in the role that its desk has, or its dispatchers and admins. What isn't here, or
is here with an act instead, isn't reversed: another act says what is true now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from services.community.offers import locked_offer
from services.community.retaking import book_again
from services.community.service import find_booking
from services.donations.retaking import (
    earmark_was_released,
    free_if_cancelled,
    hold_money,
    pledge_again,
    was_refunded,
)
from services.donations.service import lock
from services.inventory.counting import take_turns
from services.inventory.models import StockCount
from services.journal.kinds import STATEMENTS, EntryKind
from services.journal.models import Entry
from services.journal.read import moves_of_entry
from services.journal.reversals import RECEIPT_KINDS, reversals_of, standing_entries
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import locked
from services.transport.retaking import LEAVING, step_back
from services.web.i18n import to_gettext

_K = EntryKind
_KEEPERS = frozenset({Role.HOSPITAL, Role.MANUFACTURER, Role.DISPATCHER})
_MONEY = frozenset({Role.DISPATCHER})
# Whoever may stand at a site's door, and so may have sent off or counted what came.
_AT_THE_DOOR = frozenset(
    {Role.HOSPITAL, Role.MANUFACTURER, Role.DONOR, Role.CARRIER, Role.DISPATCHER}
)

Hold = Callable[[Session, "Entry"], None]
Together = Callable[[Session, "Entry"], list[UUID]]
Settle = Callable[[Session, Actor, "Entry", str], None]
Hinder = Callable[[Session, "Entry"], "Instead | None"]


@dataclass(frozen=True, slots=True)
class Instead:
    """Why an entry isn't taken back, and what is done instead."""

    because: str
    mend: str


@dataclass(frozen=True, slots=True)
class Rule:
    """How entries of one kind are corrected.

    ``after`` is a word for what the desk's own row says afterwards; ``hold`` locks that row, and
    the funds, before any lot, as the desk's own acts do; ``together`` gives the entries that are
    taken back with it; ``hinder`` what else forbids it; ``settle`` takes the row's state back.
    """

    roles: frozenset[Role]
    after: str = "read_from_journal"
    hold: Hold = lambda session, entry: None  # noqa: ARG005
    together: Together = lambda session, entry: [entry.id]  # noqa: ARG005
    hinder: Hinder = lambda session, entry: None  # noqa: ARG005
    settle: Settle = lambda session, actor, entry, reason: None  # noqa: ARG005


def subject_of(entry: Entry) -> UUID:
    """The id in a document such as ``shipment:<id>``."""
    return UUID((entry.document or "").partition(":")[2])


def _receipt(session: Session, entry: Entry) -> list[UUID]:
    """A receipt says one thing in several entries: accepted, rejected and short."""
    assert entry.document is not None, "the rule is for a shipment's entries"
    return [each.id for each in standing_entries(session, entry.document, RECEIPT_KINDS)]


def _departure(session: Session, entry: Entry) -> list[UUID]:
    """What is sent to be used and what is sent back leave on one lorry, in an entry each."""
    assert entry.document is not None, "the rule is for a shipment's entries"
    return [each.id for each in standing_entries(session, entry.document, LEAVING)]


def _hold_shipment(session: Session, entry: Entry) -> None:
    locked(session, subject_of(entry))


def _hold_gift(session: Session, entry: Entry) -> None:
    lock(session, subject_of(entry))
    hold_money(session, entry.id)


def _hold_booking(session: Session, entry: Entry) -> None:
    locked_offer(session, find_booking(session, subject_of(entry)).offer_id)


def _hold_money(session: Session, entry: Entry) -> None:
    hold_money(session, entry.id)


def _hold_count(session: Session, entry: Entry) -> None:
    made = session.get(StockCount, entry.id)
    if made is not None:
        take_turns(session, made.site, made.lot_id)


def _step_back(session: Session, actor: Actor, entry: Entry, reason: str) -> None:
    step_back(session, actor, subject_of(entry), entry.kind, reason)


def _pledge_again(session: Session, actor: Actor, entry: Entry, reason: str) -> None:  # noqa: ARG001
    pledge_again(session, subject_of(entry))


def _book_again(session: Session, actor: Actor, entry: Entry, reason: str) -> None:  # noqa: ARG001
    book_again(session, subject_of(entry))


def _free_if_cancelled(session: Session, actor: Actor, entry: Entry, reason: str) -> None:  # noqa: ARG001
    free_if_cancelled(session, actor, entry)


def _refunded(session: Session, entry: Entry) -> Instead | None:
    if not was_refunded(session, entry.id):
        return None
    return Instead(
        to_gettext("the seller gave money of it back, and that stands"),
        to_gettext("take the refund back first"),
    )


def _released(session: Session, entry: Entry) -> Instead | None:
    if not earmark_was_released(session, entry.id):
        return None
    return Instead(
        to_gettext("the earmark of what it brought was released since, and that stands"),
        to_gettext("count the lot, or record what is gone as a loss; refund money"),
    )


def _counted_later(session: Session, entry: Entry) -> Instead | None:
    """A later count was made against the books with this one in them."""
    moves = moves_of_entry(session, entry.id)
    made = session.get(StockCount, entry.id)
    if made is None or not moves:
        return None
    later = session.exec(
        select(StockCount)
        .where(
            StockCount.site == made.site,
            StockCount.lot_id == made.lot_id,
            StockCount.id != made.id,
            StockCount.occurred_at >= made.occurred_at,
        )
        .order_by(col(StockCount.occurred_at).desc())
    ).all()
    undone = reversals_of(session, [each.id for each in later])
    if all(each.id in undone for each in later):
        return None
    return Instead(
        to_gettext("the lot was counted again later, against the books with this count in them"),
        to_gettext("correct that count first, or count the lot"),
    )


_GIFT = Rule(_MONEY, "pledged_again", hold=_hold_gift, hinder=_released, settle=_pledge_again)
_FUNDS = Rule(_MONEY, hold=_hold_money)
_RECEIPT = Rule(
    _AT_THE_DOOR, "delivered_again", hold=_hold_shipment, together=_receipt, settle=_step_back
)
_DEPARTURE = Rule(
    _AT_THE_DOOR, "not_sent", hold=_hold_shipment, together=_departure, settle=_step_back
)
OFFERED: dict[tuple[EntryKind, str], Rule] = {
    (_K.RECEIVE_DONATION, "donation"): _GIFT,
    (_K.RECEIVE_GIFT, "donation"): _GIFT,
    (_K.APPROPRIATE, "appropriation"): _FUNDS,
    (_K.REPORT_OUTPUT, "production"): Rule(frozenset({Role.MANUFACTURER})),
    (_K.PURCHASE, "purchase"): Rule(_MONEY, hold=_hold_money, hinder=_refunded),
    (_K.PURCHASE, "order"): Rule(
        _MONEY, "due_again", hold=_hold_money, hinder=_refunded, settle=_free_if_cancelled
    ),
    (_K.DISPATCH, "shipment"): _DEPARTURE,
    (_K.SEND_BACK, "shipment"): _DEPARTURE,
    (_K.DISBURSE_GOODS, "shipment"): _RECEIPT,
    (_K.RECEIVE_TRANSFER, "shipment"): _RECEIPT,
    (_K.REJECT, "shipment"): _RECEIPT,
    (_K.LOSE, "shipment"): _RECEIPT,
    (_K.LOSE, "lose"): Rule(_KEEPERS),
    (_K.LOSE, "disposal"): Rule(_KEEPERS),
    (_K.CONSUME, "consume"): Rule(_KEEPERS),
    (_K.HAND_OUT, "booking"): Rule(
        frozenset({Role.HOSPITAL}), "booked_again", hold=_hold_booking, settle=_book_again
    ),
    (_K.ADJUST, "count"): Rule(
        _KEEPERS, "count_taken_back", hold=_hold_count, hinder=_counted_later
    ),
    (_K.RECLASSIFY, "reclassify"): Rule(_KEEPERS),
    (_K.RECLASSIFY, "expired"): Rule(_KEEPERS),
    (_K.REPACK, "repack"): Rule(_KEEPERS),
    (_K.GIVE_BACK, "give_back"): Rule(_KEEPERS),
    (_K.GIVE_BACK, "return"): Rule(_KEEPERS),
    (_K.COMMIT_MONEY, "commitment"): _FUNDS,
    (_K.RELEASE_MONEY, "commitment"): _FUNDS,
    (_K.MOVE_MONEY, "money-move"): _FUNDS,
    (_K.DISBURSE_MONEY, "payment"): _FUNDS,
    (_K.REFUND, "refund"): _FUNDS,
}
_PLANNED = Instead(
    to_gettext("a plan or a transfer set it aside, and its shipment still says so"),
    to_gettext("cancel the shipment: what is set aside for it is free again"),
)
_CALLED_OFF = Instead(
    to_gettext("a shipment was cancelled by it, and stays cancelled"),
    to_gettext("order a transfer, or let the next run plan it anew"),
)
_ORDERED = Instead(
    to_gettext("an order set it aside, and still says so"),
    to_gettext("cancel the order: its money is available again"),
)
_INSTEAD: dict[tuple[EntryKind, str], Instead] = {
    (_K.RESERVE, "run"): _PLANNED,
    (_K.RESERVE, "transfer"): _PLANNED,
    (_K.RELEASE, "shipment"): _CALLED_OFF,
    (_K.DIVERT, "shipment"): Instead(
        to_gettext("the shipment goes to the other place by it"),
        to_gettext("divert the shipment back"),
    ),
    (_K.RECALL, "recall"): Instead(
        to_gettext("a recall stands behind it"),
        to_gettext("lift the recall: its goods go to quarantine"),
    ),
    (_K.RECLASSIFY, "recall"): Instead(
        to_gettext("the lifting of a recall stands behind it"),
        to_gettext("sort the goods, or open another recall"),
    ),
    (_K.COMMIT_MONEY, "order"): _ORDERED,
    (_K.RELEASE_MONEY, "order"): Instead(
        to_gettext("an order was cancelled by it, and stays cancelled"),
        to_gettext("draft the order anew"),
    ),
}
_STATED = Instead(
    to_gettext("it moves nothing: it is what somebody said or decided then"),
    to_gettext("say what is true now; both stand in the log"),
)
_REVERSED = Instead(
    to_gettext("a correction isn't taken back"),
    to_gettext("post what is true now as a new act of its own"),
)
_UNKNOWN = Instead(
    to_gettext("no desk posts entries of this kind for such a paper"),
    to_gettext("post what is true now as a new act of its own"),
)


def rule_of(entry: Entry) -> Rule | Instead:
    """How this entry is corrected, or what is done instead."""
    if entry.kind is _K.REVERSE:
        return _REVERSED
    if entry.kind in STATEMENTS:
        return _STATED
    key = (entry.kind, (entry.document or "").partition(":")[0])
    return OFFERED.get(key) or _INSTEAD.get(key) or _UNKNOWN


def is_theirs(actor: Actor, entry: Entry, rule: Rule) -> bool:
    """Whether the actor's organisation posted it, and the actor may speak for its desk."""
    speaks = actor.role in rule.roles or actor.role in {Role.DISPATCHER, Role.ADMIN}
    return speaks and entry.actor == actor.reference


def correctable_kinds() -> list[EntryKind]:
    """The kinds of entry of which some can be taken back, in the order of the table."""
    return list(dict.fromkeys(kind for kind, _ in OFFERED))
