"""One person approves above the threshold, with a reason; a second one looks at it afterwards."""

from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert, raise_alert
from services.dispatch.deciding import carry_out, decidable, second_person_required
from services.dispatch.desk_models import EmergencyApproval
from services.dispatch.models import Run
from services.dispatch.parting import choose_part
from services.dispatch.schemas import EmergencyIn, ReviewIn
from services.dispatch.store import get_run
from services.errors import Conflict, Forbidden, NotFound
from services.journal.kinds import EntryKind
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor, require_role
from services.web.lists import Asked, Listing, select_page

REVIEWERS = (Role.APPROVER, Role.AUDITOR)


class NoEmergency(Conflict):
    code, title = "no-emergency", "You can approve this plan as usual"


class OwnReview(Forbidden):
    code, title = "own-review", "A second person must look at this"


class AlreadyReviewed(Conflict):
    code, title = "already-reviewed", "Somebody has looked at this already"


def approve_alone(session: Session, actor: Actor, run_id: UUID, body: EmergencyIn) -> Run:
    """Approve what would need a second person; logged as a kind of its own, and told at once.

    Raises:
        NoEmergency: the actor may approve it as usual.
        NotProposed, InvalidInput, PlanNoLongerHolds: as `deciding.approve`.

    """
    run = decidable(session, actor, run_id)
    part = choose_part(run, body)
    if second_person_required(actor, run, part.pieces) is None:
        raise NoEmergency(
            f"{part.pieces} pieces of run {run_id} need nobody else's approval",
            field="run_id",
            value=run_id,
            mend="approve it as usual",
        )
    run = carry_out(session, actor, run, part, body, EntryKind.EMERGENCY_APPROVAL)
    assert run.decided_at is not None
    session.add(
        EmergencyApproval(
            run_id=run.id,
            approved_by=actor.user_id,
            reason=body.reason,
            pieces=part.pieces,
            approved_at=run.decided_at,
            recorded_at=datetime.now(UTC),
        )
    )
    session.flush()
    record_change(session, actor, _subject(run.id), "approved alone", body.reason)
    raise_alert(
        session,
        AlertKind.EMERGENCY_APPROVED,
        _subject(run.id),
        Severity.CRITICAL,
        path="/emergency-approvals",
        roles=REVIEWERS,
        facts={"pieces": part.pieces, "by": actor.username, "day": run.day.isoformat()},
    )
    return run


def review(session: Session, actor: Actor, run_id: UUID, body: ReviewIn) -> EmergencyApproval:
    """Say, as a second person, whether that was right; the same word twice is one.

    Raises:
        OwnReview: the actor started the run, or approved it.
        AlreadyReviewed: somebody's word is there.

    """
    require_role(actor, *REVIEWERS)
    get_run(session, run_id)
    found = session.get(EmergencyApproval, run_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(
            f"Run {run_id} wasn't approved in an emergency",
            field="run_id",
            value=run_id,
            mend="see GET /api/v1/emergency-approvals",
        )
    said = (actor.user_id, body.verdict, body.note)
    if found.verdict is not None:
        if (found.reviewed_by, found.verdict, found.review_note) == said:
            return found
        raise AlreadyReviewed(
            f"It was {found.verdict}", field="run_id", value=run_id, mend="leave it as it is"
        )
    if actor.user_id in {found.approved_by, get_run(session, run_id).started_by}:
        raise OwnReview("You started this run, or approved it", mend="ask somebody else")
    found.reviewed_by, found.verdict, found.review_note = said
    found.reviewed_at = datetime.now(UTC)
    record_change(session, actor, _subject(run_id), body.verdict.value, body.note)
    close_alert(session, AlertKind.EMERGENCY_APPROVED, _subject(run_id))
    return found


def find_emergencies(
    session: Session, asked: Asked, *, open_only: bool = False
) -> Listing[EmergencyApproval]:
    """What was approved by one person alone: those that nobody looked at yet first."""
    statement = select(EmergencyApproval)
    if open_only:
        statement = statement.where(col(EmergencyApproval.verdict).is_(None))
    order = {
        "approved_at": col(EmergencyApproval.approved_at).desc(),
        "pieces": EmergencyApproval.pieces,
        "verdict": EmergencyApproval.verdict,
    }
    return select_page(session, statement, order, asked, tie=col(EmergencyApproval.run_id))


def _subject(run_id: UUID) -> str:
    return f"run:{run_id}"
