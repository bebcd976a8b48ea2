"""Pages of capacity: a maker's days, what it reports, and why it made less."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.capacity import days, made, orders, pages_makers, pages_orders, plans, service
from services.capacity.api import DAY_ORDER
from services.capacity.factories import own_factory
from services.capacity.pages_common import chosen, filters, own_factories, wanted_sites
from services.capacity.schemas import (
    CapacityPlanIn,
    DayState,
    PlanDayOut,
    ProductionIn,
    ProductionOut,
)
from services.capacity.schemas_makers import ShortfallIn
from services.capacity.shown import days_out, productions_out
from services.catalog import service as catalog
from services.errors import InvalidInput
from services.files.service import attach, open_attachment
from services.journal.clock import local_date
from services.journal.reversals import how_they_stand
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.lists import ListAsked, csv_file, cut_page
from services.web.pages import redirect, render

router = APIRouter()
router.include_router(pages_makers.router)
router.include_router(pages_orders.router)

_LINES_AT_FIRST = 3
_LINES_MORE = 4
_DECISIVE = ("item", "day", "planned")
_STATES = get_args(DayState)


@router.get("/capacity")
def show_capacity(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
    state: str = "",
) -> Response:
    """What is planned beside what was made, newest day first: one's own, or all at a desk."""
    sites = wanted_sites(session, actor, site)
    wanted = chosen(state, _STATES)
    shown = days.days(session, sites=sites, items=[item] if item else None)
    rows = days_out([it for it in shown if wanted in {None, it.state}])
    rows.sort(key=lambda it: (-it.day.toordinal(), it.site, it.item))
    listing = cut_page(rows, DAY_ORDER, asked)
    if asked.is_csv:
        return csv_file(listing.rows, "capacity", PlanDayOut)
    return render(
        request,
        "capacity.html",
        listing=listing,
        states=_STATES,
        today=local_date(datetime.now(UTC)),
        may_order=actor.role in {Role.DISPATCHER, Role.ADMIN},
        may_report=actor.role in {Role.MANUFACTURER, Role.ADMIN},
        **filters(session, actor, site=site, item=item, state=state),
    )


@router.get("/capacity/outputs")
def show_outputs(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    site: str = "",
    item: str = "",
    certificate: str = "",
) -> Response:
    """Reports of output, and which of them have no certificate."""
    sites = wanted_sites(session, actor, site)
    has = {"yes": True, "missing": False}.get(certificate)
    found = made.list_productions(session, asked, sites=sites, item=item or None, certificate=has)
    listing = found.map(lambda rows: productions_out(session, rows))
    if asked.is_csv:
        return csv_file(listing.rows, "productions", ProductionOut)
    return render(
        request,
        "capacity_outputs.html",
        listing=listing,
        **filters(session, actor, site=site, item=item, certificate=certificate),
    )


@router.get("/capacity/outputs/{id}")
def show_made(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
) -> Response:
    """One report of output, with its batch, dates and files."""
    return _made_page(request, session, actor, id, Form())


@router.post("/capacity/outputs/{id}/files")
def attach_to_output(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
    form: SentForm,
) -> Response:
    found = made.get_production(session, actor, id)
    own_factory(session, actor, found.production.site)
    with form.attempt(session):
        if "file" not in form.files:
            raise InvalidInput("No file was chosen", field="file", mend="choose a file")
        kind = "other" if form["kind"] == "other" else made.CERTIFICATE
        attach(session, actor, made.subject_of(id), kind, form.files["file"])
    if form.slips:
        return _made_page(request, session, actor, id, form)
    return redirect(request, f"/capacity/outputs/{id}", done="file-attached")


def _made_page(
    request: Request, session: Session, actor: Actor, production_id: UUID, form: Form
) -> Response:
    found = made.get_production(session, actor, production_id)
    [shown] = productions_out(session, [found])
    site = parties.get_site(session, shown.site)
    return render(
        request,
        "capacity_made.html",
        form.status,
        it=shown,
        stands=how_they_stand(session, [shown.id], reader=actor.reads_reasons_of)[shown.id],
        form=form,
        may_attach=actor.role is Role.ADMIN or site.organisation == actor.organisation,
        **filters(session, actor),
    )


@router.get("/capacity/outputs/{id}/files/{sha256}")
def open_file(
    session: DatabaseSession,
    actor: CurrentActor,
    id: UUID,  # noqa: A002
    sha256: str,
) -> Response:
    made.get_production(session, actor, id)
    return open_attachment(session, made.subject_of(id), sha256)


@router.get("/capacity/shortfall")
def show_shortfall(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    site: str = "",
    item: str = "",
    day: str = "",
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    form = Form({"site": site, "item": item, "day": day, "reason": "", "note": ""})
    return _page(request, session, actor, "capacity_shortfall.html", form, [])


@router.post("/capacity/shortfall")
def tell_shortfall(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    with form.attempt(session):
        days.tell_shortfall(session, actor, form.read(ShortfallIn))
    if form.slips:
        return _page(request, session, actor, "capacity_shortfall.html", form, [])
    return redirect(request, "/capacity", done="shortfall-told")


@router.get("/capacity/plan")
def show_plan_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    lines = range(_LINES_AT_FIRST)
    return _page(request, session, actor, "capacity_plan.html", Form(), lines)


@router.post("/capacity/plan")
def put_plan(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    form.drop_blank_rows("days", _DECISIVE)
    if form["more"]:
        lines = form.rows("days", at_least=len(form.rows("days")) + _LINES_MORE)
        return _page(request, session, actor, "capacity_plan.html", form, lines)
    with form.attempt(session):
        plans.put_plan(session, actor, form.read(CapacityPlanIn))
    if form.slips:
        lines = form.rows("days", at_least=1)
        return _page(request, session, actor, "capacity_plan.html", form, lines)
    return redirect(request, "/capacity", done="plan-saved")


@router.get("/capacity/output")
def show_output_form(
    request: Request, session: DatabaseSession, actor: CurrentActor, order: UUID | None = None
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    form = Form.blank()
    if order is not None:
        wanted = orders.get_order(session, actor, order).order
        form = Form.blank(
            order_id=order, site=wanted.site, item=wanted.item, quantity=wanted.quantity_base
        )
    return _page(request, session, actor, "capacity_output.html", form, [])


@router.post("/capacity/output")
def report_output(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    with form.attempt(session):
        service.report_production(session, actor, form.read(ProductionIn))
    if form.slips:
        return _page(request, session, actor, "capacity_output.html", form, [])
    return redirect(request, "/capacity", done="output-reported")


def _page(
    request: Request,
    session: Session,
    actor: Actor,
    template: str,
    form: Form,
    lines: Sequence[int],
) -> Response:
    own = own_factories(session, actor)
    more: dict[str, Any] = filters(session, actor)
    return render(
        request,
        template,
        form.status,
        form=form,
        lines=lines,
        own_sites=own,
        units=catalog.units(session),
        open_orders=orders.open_orders(session, [site.code for site in own]),
        **more,
    )
