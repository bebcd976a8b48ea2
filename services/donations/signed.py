"""A pledge that its donor signed: what is signed, and the entry that keeps the signature."""

from typing import Any
from uuid import UUID, uuid5

from sqlmodel import Session

from services.donations.schemas import GoodsIn, MoneyIn
from services.errors import InvalidInput
from services.journal.kinds import EntryKind
from services.journal.log import Log, get_log
from services.journal.post import post
from services.journal.record import Draft, utc_text
from services.parties import keys
from services.parties.service import Actor

PLEDGE = "medrelay-pledge/1"


def said(body: GoodsIn | MoneyIn, donor: str, log: Log) -> dict[str, Any]:
    """What a donor signs: the public part of a pledge; neither message nor campaign."""
    content: dict[str, Any] = {
        "id": str(body.id),
        "kind": body.kind,
        "given_at": utc_text(body.given_at),
        "earmark": {"kind": body.earmark.kind.value, "target": body.earmark.target}
        if body.earmark
        else None,
    }
    if body.earmark_release_on:
        content["earmark_release_on"] = body.earmark_release_on.isoformat()
    if isinstance(body, MoneyIn):
        content |= {"fund": body.fund, "amount_minor": str(body.amount_minor)}
    else:
        content |= {"site": body.site, "lines": _lines(body)}
    return keys.statement(PLEDGE, log.document(), donor, content)


def _lines(body: GoodsIn) -> list[dict[str, Any]]:
    return [
        {
            "item": line.item,
            "quantity": str(line.quantity),
            "unit": line.unit,
            "batch": line.batch,
            "produced_on": line.produced_on.isoformat() if line.produced_on else None,
            "expires_on": line.expires_on.isoformat() if line.expires_on else None,
        }
        for line in body.lines
    ]


def signed_entry(donation_id: UUID) -> UUID:
    """The entry that keeps a pledge's signature."""
    return uuid5(donation_id, "signed")


def post_signed(session: Session, actor: Actor, body: GoodsIn | MoneyIn, donor: str) -> None:
    """Write down that the donor signed the pledge, where they did.

    Raises:
        UnknownKey, KeyRevoked, WrongSignature: it isn't the donor's signature of this pledge.
        InvalidInput: the donor wants not to be named, and a signature names them.

    """
    if body.signature is None:
        return
    if body.anonymous:
        raise InvalidInput(
            "A signature tells the public who gives",
            field="signature",
            mend="leave the signature out, or give under your name",
        )
    told = said(body, donor, get_log(session))
    signature = keys.require_signature(session, donor, told, body.signature)
    post(
        session,
        Draft(
            id=signed_entry(body.id),
            kind=EntryKind.SIGNED_PLEDGE,
            occurred_at=body.given_at,
            actor=actor.reference,
            document=f"donation:{body.id}",
            facts={"said": told},
            signatures=[signature],
        ),
    )
