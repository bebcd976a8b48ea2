"""Endpoints of the makers' register, and of the rules that desks set."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, status

from services.capacity import makers, rules
from services.capacity.models import Maker, MakerState
from services.capacity.schemas_makers import (
    FileOut,
    MakerAllowanceIn,
    MakerApprovalIn,
    MakerDecisionIn,
    MakerIn,
    MakerOut,
    PaperKind,
    RulesIn,
    RulesOut,
    Standing,
)
from services.capacity.shown import makers_out
from services.files.service import attach, open_attachment
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role
from services.web.forms import FILE_BODY, SentFile
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter()


def _shown(session: DatabaseSession, maker: Maker) -> MakerOut:
    return _of(session, maker.organisation)


def _of(session: DatabaseSession, organisation: str) -> MakerOut:
    found = parties.get_organisation(session, organisation)
    return makers_out(session, makers.registered(session, [found]))[0]


@router.get("/makers", response_model=list[MakerOut])
def list_makers(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    response: Response,
    state: Annotated[Standing | None, Query()] = None,
) -> Any:
    """Makers and their papers, the one that waits longest first: for desks."""
    parties.require_role(actor, *DESKS)
    listing = makers.list_makers(session, asked, state=state)
    return answer(listing.map(lambda rows: makers_out(session, rows)), response, "makers")


@router.get("/makers/{organisation}")
def show_maker(organisation: str, session: DatabaseSession, actor: CurrentActor) -> MakerOut:
    """A maker's paper: your own organisation's, or any at a desk."""
    makers.require_visible(actor, organisation)
    return _of(session, organisation)


@router.put("/makers/{organisation}")
def hand_in_paper(
    organisation: str, body: MakerIn, session: DatabaseSession, actor: CurrentActor
) -> MakerOut:
    """Hand in your organisation's licence and registrations, whole; again after it came back."""
    return _shown(session, makers.hand_in(session, actor, organisation, body))


@router.post("/makers/{organisation}/approve")
def approve_maker(
    organisation: str, body: MakerApprovalIn, session: DatabaseSession, actor: CurrentActor
) -> MakerOut:
    """Approve the paper at the version that you read, with every item on it."""
    return _shown(
        session,
        makers.decide(
            session,
            actor,
            organisation,
            MakerState.APPROVED,
            version=body.version,
            reason=body.reason,
        ),
    )


@router.post("/makers/{organisation}/ask-back")
def ask_back(
    organisation: str, body: MakerDecisionIn, session: DatabaseSession, actor: CurrentActor
) -> MakerOut:
    """Give the paper back to its maker, saying what is missing."""
    return _shown(
        session,
        makers.decide(
            session,
            actor,
            organisation,
            MakerState.ASKED_BACK,
            version=body.version,
            reason=body.reason,
        ),
    )


@router.post("/makers/{organisation}/suspend")
def suspend_maker(
    organisation: str, body: MakerDecisionIn, session: DatabaseSession, actor: CurrentActor
) -> MakerOut:
    """Take no more output from this maker until its paper is approved again."""
    return _shown(
        session,
        makers.decide(
            session,
            actor,
            organisation,
            MakerState.SUSPENDED,
            version=body.version,
            reason=body.reason,
        ),
    )


@router.post("/makers/{organisation}/allow")
def allow_maker(
    organisation: str, body: MakerAllowanceIn, session: DatabaseSession, actor: CurrentActor
) -> MakerOut:
    """Let a maker report output before its paper is approved, or no longer."""
    return _shown(
        session,
        makers.allow(session, actor, organisation, allowed=body.allowed, reason=body.reason),
    )


@router.post(
    "/makers/{organisation}/files", status_code=status.HTTP_201_CREATED, openapi_extra=FILE_BODY
)
def attach_paper(
    organisation: str,
    session: DatabaseSession,
    actor: CurrentActor,
    file: SentFile,
    kind: PaperKind = "licence",
) -> FileOut:
    """Attach a document to your organisation's paper."""
    parties.require_role(actor, Role.MANUFACTURER)
    makers.require_visible(actor, organisation)
    parties.get_organisation(session, organisation)
    subject = makers.subject_of(organisation)
    return FileOut.model_validate(attach(session, actor, subject, kind, file))


@router.get("/makers/{organisation}/files/{sha256}")
def open_paper(
    organisation: str, sha256: str, session: DatabaseSession, actor: CurrentActor
) -> Response:
    """A document of a maker's paper: for itself and for desks."""
    makers.require_visible(actor, organisation)
    return open_attachment(session, makers.subject_of(organisation), sha256)


@router.get("/capacity-rules")
def show_rules(session: DatabaseSession, actor: CurrentActor) -> RulesOut:
    """What desks hold makers to."""
    parties.require_role(actor, Role.MANUFACTURER, *DESKS)
    return RulesOut.model_validate(rules.get_rules(session))


@router.patch("/capacity-rules")
def change_rules(body: RulesIn, session: DatabaseSession, actor: CurrentActor) -> RulesOut:
    """Change what makers are held to, with a reason; what is left out stays."""
    return RulesOut.model_validate(rules.change_rules(session, actor, body))
