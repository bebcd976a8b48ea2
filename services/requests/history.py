"""The one way in which a need changes its state: held still, and told in its history."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.errors import Conflict, NotFound
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role, Site
from services.parties.service import Actor
from services.requests.models import Need, NeedStatus
from services.requests.served import Served, served


class NeedClosed(Conflict):
    code, title = "need-closed", "This need can't be changed any more"


class NeedChanged(Conflict):
    code, title = "need-changed", "Somebody changed this need meanwhile"


def subject_of(need_id: UUID) -> str:
    return f"need:{need_id}"


def locked_need(session: Session, need_id: UUID) -> Need:
    """A need as it is now, held still until the transaction ends."""
    need = session.get(Need, need_id, with_for_update=True, populate_existing=True)
    if need is None:
        raise NotFound(f"There is no need {need_id}", field="need_id", value=need_id)
    return need


def own_need(session: Session, actor: Actor, need_id: UUID) -> Need:
    """A need of the actor's own organisation, held still."""
    need = locked_need(session, need_id)
    parties.require_site(session, actor, need.site, Role.HOSPITAL)
    return need


def require_open(session: Session, need: Need) -> Served:
    state = served(session, [need])[0]
    if not state.is_open:
        raise NeedClosed(
            f"Need {need.id} is {state.progress}",
            field="need_id",
            value=need.id,
            mend="post a new request",
        )
    return state


def require_version(need: Need, version: int) -> None:
    if need.version != version:
        raise NeedChanged(
            f"Need {need.id} is at version {need.version}",
            field="version",
            value=version,
            mend="read it again, then decide on what you see",
        )


def lock_site(session: Session, site: str) -> None:
    """Take turns with whatever else is asked, or stopped, for a site.

    Two requests at once would each miss the other as its duplicate, or a stop would miss a need
    that is being posted. References to the site by others don't wait for this lock.
    """
    statement = select(Site.code).where(Site.code == site)
    session.exec(statement.with_for_update(key_share=True)).one()


def lock_site_of(session: Session, need_id: UUID) -> None:
    """`lock_site` for the site of a need, where there is such a need."""
    need = session.get(Need, need_id)
    if need is not None:
        lock_site(session, need.site)


def note(session: Session, actor: Actor | None, need: Need, what: str, reason: str | None) -> None:
    """Tell a change of a need, which makes a new version of it; ``actor`` None: a rule did it."""
    need.version += 1
    session.flush()
    record_change(session, actor, subject_of(need.id), what, reason)


def set_status(
    session: Session,
    actor: Actor | None,
    need: Need,
    status: NeedStatus,
    reason: str | None,
    what: str = "",
) -> None:
    """Bring a need into a state; ``what`` adds to "submitted → approved" in its history."""
    before = need.status
    need.status, need.status_since = status, datetime.now(UTC)
    note(session, actor, need, f"{before} → {status}{what and ': ' + what}", reason)


def say_again(need: Need, at: datetime) -> None:
    """The hospital's word that it needs this: in the world ``at``, written down now."""
    need.last_word_at = max(need.last_word_at, at)
    need.last_word_recorded_at = datetime.now(UTC)


def locked_needs(session: Session, need_ids: list[UUID]) -> list[Need]:
    """Several needs held still, in one order for everybody."""
    wanted = col(Need.id) == sa.any_(sa.literal(need_ids, sa.ARRAY(sa.Uuid())))
    statement = select(Need).where(wanted).order_by(col(Need.id)).with_for_update()
    return list(session.exec(statement.execution_options(populate_existing=True)))
