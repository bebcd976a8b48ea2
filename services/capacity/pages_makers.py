"""Pages of the makers' register: a maker's own paper, and the desks' list and decisions."""

from typing import get_args

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.capacity import makers, rules
from services.capacity.models import MakerState
from services.capacity.pages_common import chosen, filters, names_of
from services.capacity.schemas_makers import (
    MAKER_STATES,
    MakerAllowanceIn,
    MakerApprovalIn,
    MakerDecisionIn,
    MakerIn,
    MakerOut,
    PaperKind,
    RulesIn,
    Standing,
)
from services.capacity.shown import makers_out
from services.errors import InvalidInput
from services.files.service import attach, open_attachment
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import DESKS, Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()

_LINES_AT_FIRST = 2
_LINES_MORE = 3
_STATES: tuple[Standing, ...] = get_args(Standing)
assert set(_STATES) == set(MAKER_STATES)
_DECISIONS = {
    "approve": MakerState.APPROVED,
    "ask-back": MakerState.ASKED_BACK,
    "suspend": MakerState.SUSPENDED,
}


@router.get("/capacity/makers")
def show_makers(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    state: str = "",
) -> Response:
    """Makers and their papers, the one that waits longest on top."""
    parties.require_role(actor, *DESKS)
    found = makers.list_makers(session, asked, state=chosen(state, _STATES))
    listing = found.map(lambda rows: makers_out(session, rows))
    if asked.is_csv:
        return csv_file(listing.rows, "makers", MakerOut)
    return render(
        request,
        "makers.html",
        listing=listing,
        states=_STATES,
        rules=rules.get_rules(session),
        **filters(session, actor, state=state),
    )


@router.get("/capacity/makers/{organisation}")
def show_maker(
    request: Request, session: DatabaseSession, actor: CurrentActor, organisation: str
) -> Response:
    """A maker's paper, its documents and its history; desks decide on it here."""
    return _maker_page(request, session, actor, organisation, Form())


@router.post("/capacity/makers/{organisation}/decide")
def decide(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    organisation: str,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.DISPATCHER, Role.APPROVER)
    with form.attempt(session):
        act, state = form["act"], _DECISIONS.get(form["act"])
        if act in {"allow", "disallow"}:
            body = form.read(
                MakerAllowanceIn,
                leave_out=["act", "version"],
                instead={"allowed": str(act == "allow")},
            )
            makers.allow(session, actor, organisation, allowed=body.allowed, reason=body.reason)
        elif state is None:
            raise InvalidInput("There is no such decision", field="act", mend="choose one")
        else:
            schema: type[MakerApprovalIn | MakerDecisionIn]
            schema = MakerApprovalIn if act == "approve" else MakerDecisionIn
            decision = form.read(schema, leave_out=["act"])
            makers.decide(
                session,
                actor,
                organisation,
                state,
                version=decision.version,
                reason=decision.reason,
            )
    if form.slips:
        return _maker_page(request, session, actor, organisation, form)
    return redirect(request, f"/capacity/makers/{organisation}", done="maker-decided")


@router.post("/capacity/makers/{organisation}/files")
def attach_paper(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    organisation: str,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    makers.require_visible(actor, organisation)
    with form.attempt(session):
        parties.get_organisation(session, organisation)
        if "file" not in form.files:
            raise InvalidInput("No file was chosen", field="file", mend="choose a file")
        kind = chosen(form["kind"], get_args(PaperKind)) or "other"
        attach(session, actor, makers.subject_of(organisation), kind, form.files["file"])
    if form.slips:
        return _maker_page(request, session, actor, organisation, form.keyed("file"))
    return redirect(request, f"/capacity/makers/{organisation}", done="file-attached")


@router.get("/capacity/makers/{organisation}/files/{sha256}")
def open_paper(
    session: DatabaseSession, actor: CurrentActor, organisation: str, sha256: str
) -> Response:
    makers.require_visible(actor, organisation)
    return open_attachment(session, makers.subject_of(organisation), sha256)


@router.get("/capacity/makers/{organisation}/paper")
def show_paper(
    request: Request, session: DatabaseSession, actor: CurrentActor, organisation: str
) -> Response:
    """The paper as a form, filled in with what it says now."""
    parties.require_role(actor, Role.MANUFACTURER)
    shown = _shown(session, actor, organisation)
    values = {"licence_number": shown.licence_number or ""}
    for index, product in enumerate(shown.products):
        values[f"products[{index}].item"] = product.item
        values[f"products[{index}].registration_number"] = product.registration_number
    form = Form(values)
    return _paper_page(request, session, actor, shown, form, _LINES_AT_FIRST)


@router.post("/capacity/makers/{organisation}/paper")
def hand_in(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    organisation: str,
    form: SentForm,
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    shown = _shown(session, actor, organisation)
    form.drop_blank_rows("products", ("item", "registration_number"))
    if form["more"]:
        lines = len(form.rows("products")) + _LINES_MORE
        return _paper_page(request, session, actor, shown, form, lines)
    with form.attempt(session):
        makers.hand_in(session, actor, organisation, form.read(MakerIn))
    if form.slips:
        return _paper_page(request, session, actor, shown, form, 1)
    return redirect(request, f"/capacity/makers/{organisation}", done="paper-handed-in")


@router.get("/capacity/rules")
def show_rules(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, *DESKS)
    now = rules.get_rules(session)
    values = {name: str(value) for name, value in now.model_dump().items()}
    form = Form(values | {"registration_required": "true" if now.registration_required else ""})
    return _rules_page(request, session, actor, form)


@router.post("/capacity/rules")
def change_rules(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    required = {"registration_required": "true" if form["registration_required"] else "false"}
    with form.attempt(session):
        rules.change_rules(session, actor, form.read(RulesIn, instead=required))
    if form.slips:
        return _rules_page(request, session, actor, form)
    return redirect(request, "/capacity/makers", done="rules-changed")


def _shown(session: Session, actor: Actor, organisation: str) -> MakerOut:
    makers.require_visible(actor, organisation)
    found = parties.get_organisation(session, organisation)
    return makers_out(session, makers.registered(session, [found]))[0]


def _maker_page(
    request: Request, session: Session, actor: Actor, organisation: str, form: Form
) -> Response:
    shown = _shown(session, actor, organisation)
    changes = changes_of(session, [makers.subject_of(organisation)])
    history = changes[makers.subject_of(organisation)]
    deciding = not form.key
    return render(
        request,
        "maker.html",
        form.status,
        it=shown,
        form=form if deciding else Form(),
        file_form=Form().keyed("file") if deciding else form,
        kinds=get_args(PaperKind),
        history=history,
        names=names_of(session, actor, history),
        is_own=actor.role is Role.ADMIN or organisation == actor.organisation,
        may_decide=actor.role in {Role.DISPATCHER, Role.APPROVER, Role.ADMIN},
        rules=rules.get_rules(session),
        **filters(session, actor),
    )


def _paper_page(
    request: Request, session: Session, actor: Actor, shown: MakerOut, form: Form, lines: int
) -> Response:
    return render(
        request,
        "maker_paper.html",
        form.status,
        it=shown,
        form=form,
        lines=form.rows("products", at_least=lines),
        **filters(session, actor),
    )


def _rules_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    history = changes_of(session, [rules.SUBJECT])[rules.SUBJECT]
    return render(
        request,
        "capacity_rules.html",
        form.status,
        form=form,
        may_change=actor.role in {Role.DISPATCHER, Role.APPROVER, Role.ADMIN},
        history=history,
        names=names_of(session, actor, history),
        **filters(session, actor),
    )
