"""A receipt of goods that its consignee signed: what is signed, and the entry that keeps it."""

from typing import Any
from uuid import UUID, uuid5

from sqlmodel import Session

from services.journal.kinds import EntryKind
from services.journal.log import Log, get_log
from services.journal.post import post
from services.journal.record import Draft, utc_text
from services.parties import keys
from services.parties.service import Actor
from services.transport.schemas import ReceiveIn

RECEIPT = "medrelay-goods-receipt/1"


def said(body: ReceiveIn, shipment_id: UUID, consignee: str, log: Log) -> dict[str, Any]:
    """What a consignee signs: the count of every line, in their order; not the reasons."""
    lines = [
        {
            "line": told.line,
            "accepted": str(told.accepted),
            "rejected": str(told.rejected),
            "short": str(told.short),
        }
        for told in sorted(body.lines, key=lambda told: told.line)
    ]
    content = {
        "shipment": str(shipment_id),
        "occurred_at": utc_text(body.occurred_at),
        "lines": lines,
    }
    return keys.statement(RECEIPT, log.document(), consignee, content)


def nth(part: str, delivery: int) -> str:
    """The name of a receipt's part; a receipt that was corrected is given again, as the next."""
    return f"receive/{part}" if delivery == 1 else f"receive/{part}/{delivery}"


def signed_entry(shipment_id: UUID, delivery: int = 1) -> UUID:
    """The entry that keeps a receipt's signature."""
    return uuid5(shipment_id, nth("signed", delivery))


def post_signed(
    session: Session,
    actor: Actor,
    body: ReceiveIn,
    shipment_id: UUID,
    consignee: str,
    delivery: int = 1,
) -> None:
    """Write down that the consignee signed the count, where they did.

    Raises:
        UnknownKey, KeyRevoked, WrongSignature: it isn't the consignee's signature of this count.

    """
    if body.signature is None:
        return
    told = said(body, shipment_id, consignee, get_log(session))
    signature = keys.require_signature(session, consignee, told, body.signature)
    post(
        session,
        Draft(
            id=signed_entry(shipment_id, delivery),
            kind=EntryKind.SIGNED_RECEIPT,
            occurred_at=body.occurred_at,
            actor=actor.reference,
            document=f"shipment:{shipment_id}",
            facts={"said": told},
            signatures=[signature],
        ),
    )
