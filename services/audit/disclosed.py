"""The donor's own receipt: the public one, and beside it what opens the hidden fields."""

from dataclasses import replace
from uuid import UUID

from sqlmodel import Session

from ledger.proof import Receipt
from services.donations.service import find_donation
from services.journal.kinds import EntryKind
from services.journal.read import disclosures_of, find_entry
from services.parties.service import Actor

_GIFTS = frozenset({EntryKind.RECEIVE_DONATION, EntryKind.RECEIVE_GIFT})


def receipt_for(session: Session, actor: Actor | None, entry_id: UUID, receipt: Receipt) -> Receipt:
    """The receipt as this reader may have it: with disclosures for who gave, and nobody else."""
    if actor is None or not _is_donors(session, actor, entry_id):
        return receipt
    return replace(receipt, disclosures=disclosures_of(session, entry_id))


def _is_donors(session: Session, actor: Actor, entry_id: UUID) -> bool:
    entry = find_entry(session, entry_id)
    if entry is None or entry.kind not in _GIFTS or entry.document is None:
        return False
    donation = find_donation(session, UUID(entry.document.removeprefix("donation:")))
    return donation is not None and donation.donor == actor.organisation
