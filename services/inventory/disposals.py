"""Destroying what nobody can use: one person asks, another decides, and a certificate proves it.

Whoever keeps the shelves asks for it and has it done; an approver of the desk decides, never the
one who asked. Destroyed goods are lost in the journal, with a cause of their own and the hash of
their certificate. Whether that stands is read from the journal: taken back, it is approved again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, NotFound
from services.files.models import Attachment
from services.files.service import attach, attachments_of
from services.inventory import acts
from services.inventory.access import kept_site, visible_sites
from services.inventory.act_schemas import LossCause, LotAct, Unusable
from services.inventory.acts import Done
from services.inventory.disposal_schemas import DecisionIn, DestroyedIn, DisposalIn, DisposalStage
from services.inventory.models import Disposal, DisposalState
from services.journal.flows import standing_by_document
from services.journal.kinds import EntryKind
from services.journal.models import Lot
from services.journal.once import claim, digest_of
from services.journal.read import get_lots
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Upload
from services.web.lists import Asked, Listing, select_page

CERTIFICATE = "certificate_of_destruction"
CAUSE = {
    Unusable.REJECTED: LossCause.REJECTED_DESTROYED,
    Unusable.RECALLED: LossCause.RECALLED_DESTROYED,
    Unusable.EXPIRED: LossCause.EXPIRED_DESTROYED,
    Unusable.DAMAGED: LossCause.DAMAGED_DESTROYED,
}
_ORDER = {"asked_at": col(Disposal.asked_at).desc(), "site": col(Disposal.site)}


class NotApproved(Conflict):
    code, title = "not-approved", "Nobody has approved its destruction"


class AlreadyDecided(Conflict):
    code, title = "already-decided", "It was decided already"


class SameAsker(Conflict):
    code, title = "same-asker", "Somebody else than who asked decides"


class NoCertificate(Conflict):
    code, title = "no-certificate", "The certificate of destruction is missing"


@dataclass(frozen=True, slots=True)
class DisposalReading:
    """A disposal with its lot, its papers, and the loss that stands in the journal."""

    disposal: Disposal
    lot: Lot
    certificates: tuple[Attachment, ...]
    entry_id: UUID | None

    @property
    def stage(self) -> DisposalStage:
        if self.entry_id is not None:
            return DisposalStage.DESTROYED
        return DisposalStage(self.disposal.state.value)


def subject_of(disposal_id: UUID) -> str:
    return f"disposal:{disposal_id}"


def ask(session: Session, actor: Actor, body: DisposalIn) -> tuple[Disposal, bool]:
    """Ask for the destruction of what stands at a site of one's own; twice is once."""
    site = kept_site(session, actor, body.site)
    lot = acts.get_lot(session, body.lot_id)
    made = Disposal(
        id=body.id,
        site=site.code,
        lot_id=lot.id,
        taken_from=body.taken_from.value,
        quantity_base=catalog.to_pieces(session, lot.commodity, body.quantity, body.unit),
        reason=body.reason,
        asked_by=actor.user_id,
        asked_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not claim(session, made):
        return session.get_one(Disposal, body.id), False
    acts.refuse_missing(session, site.code, lot.id, body.taken_from.value, made.quantity_base)
    record_change(session, actor, subject_of(body.id), "asked", body.reason)
    return session.get_one(Disposal, body.id), True


def decide(session: Session, actor: Actor, disposal_id: UUID, body: DecisionIn) -> Disposal:
    """An approver lets it be destroyed, or not.

    Raises:
        SameAsker: who asked for it can't decide.
        AlreadyDecided: otherwise, or by somebody else.

    """
    parties.require_role(actor, Role.APPROVER)
    found = _locked(session, disposal_id)
    said = DisposalState.APPROVED if body.approve else DisposalState.REFUSED
    if found.state is not DisposalState.ASKED:
        if (found.state, found.decided_by) == (said, actor.user_id):
            return found
        raise AlreadyDecided(
            f"It is {found.state}", field="disposal_id", value=disposal_id, mend="ask anew"
        )
    if found.asked_by == actor.user_id:
        raise SameAsker(
            "You asked for it yourself",
            field="approve",
            value=body.approve,
            mend="let another approver decide",
        )
    found.state, found.decided_by = said, actor.user_id
    session.flush()
    record_change(session, actor, subject_of(disposal_id), said.value, body.reason)
    return found


def add_certificate(
    session: Session, actor: Actor, disposal_id: UUID, upload: Upload
) -> Attachment:
    """The paper of whoever destroyed it."""
    found = _locked(session, disposal_id)
    kept_site(session, actor, found.site)
    return attach(session, actor, subject_of(disposal_id), CERTIFICATE, upload)


def destroyed(session: Session, actor: Actor, disposal_id: UUID, body: DestroyedIn) -> Done:
    """It was destroyed: it is lost in the journal, with its cause and its certificate's hash.

    Raises:
        NotApproved, NoCertificate: nobody let it be destroyed, or nothing proves it.
        AlreadyDecided: it was destroyed before.
        InsufficientStock: there isn't that much in that state any more.

    """
    found = _locked(session, disposal_id)
    kept_site(session, actor, found.site)
    told = read(session, [found])[0]
    if found.state is not DisposalState.APPROVED:
        raise NotApproved(
            f"It is {found.state}",
            field="disposal_id",
            value=disposal_id,
            mend="ask an approver of the desk to decide",
        )
    if not told.certificates:
        raise NoCertificate(
            "Nothing proves it yet",
            field="file",
            mend="attach the certificate (POST /api/v1/stock/disposals/{id}/certificates)",
        )
    if told.entry_id not in {None, body.id}:
        raise AlreadyDecided(
            "It was destroyed before", field="id", value=body.id, mend="ask for what is left"
        )
    act = LotAct(
        id=body.id,
        site=found.site,
        lot_id=found.lot_id,
        quantity=found.quantity_base,
        occurred_at=body.occurred_at,
        reason=found.reason,
    )
    return acts.post_act(
        session,
        actor,
        act,
        EntryKind.LOSE,
        (found.taken_from, "lost"),
        document=subject_of(disposal_id),
        facts={
            "cause": CAUSE[Unusable(found.taken_from)].value,
            "certificate": told.certificates[0].sha256,
        },
        concealed={"witness": body.witness},
    )


def get_disposal(session: Session, actor: Actor, disposal_id: UUID) -> Disposal:
    """The disposal, for desks and for whose site it is at."""
    found = session.get(Disposal, disposal_id)
    if found is None:
        raise _unknown(disposal_id)
    visible_sites(session, actor, found.site)
    return found


def find(
    session: Session, actor: Actor, asked: Asked, *, site: str | None, state: DisposalState | None
) -> Listing[Disposal]:
    """Disposals at sites that the actor may see, newest first."""
    sites = visible_sites(session, actor, site)
    statement = select(Disposal)
    if sites is not None or site:
        statement = statement.where(among(Disposal.site, [site] if site else sites or []))
    if state is not None:
        statement = statement.where(Disposal.state == state)
    return select_page(session, statement, _ORDER, asked, tie=sa.desc(col(Disposal.id)))


def read(session: Session, disposals: Sequence[Disposal]) -> list[DisposalReading]:
    """Each with what became of it, in the order given."""
    subjects = {each.id: subject_of(each.id) for each in disposals}
    lots = get_lots(session, {each.lot_id for each in disposals})
    papers = attachments_of(session, subjects.values())
    lost = standing_by_document(session, subjects.values(), EntryKind.LOSE)
    return [
        DisposalReading(
            each, lots[each.lot_id], tuple(papers[subjects[each.id]]), lost.get(subjects[each.id])
        )
        for each in disposals
    ]


def _locked(session: Session, disposal_id: UUID) -> Disposal:
    found = session.get(Disposal, disposal_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise _unknown(disposal_id)
    return found


def _unknown(disposal_id: UUID) -> NotFound:
    return NotFound(
        f"There is no disposal {disposal_id}",
        field="disposal_id",
        value=disposal_id,
        mend="see GET /api/v1/stock/disposals",
    )
