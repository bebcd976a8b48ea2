"""Pages of capacity: a maker says what it plans, and reports what it made."""

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.capacity import days, made, plans, service
from services.capacity.schemas import CapacityPlanIn, ProductionIn
from services.capacity.shown import days_out
from services.catalog import service as catalog
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS, Role, SiteKind
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.pages import redirect, render

router = APIRouter()

_LINES_AT_FIRST = 3
_LINES_MORE = 4
_DECISIVE = ("item", "day", "planned")


@router.get("/capacity")
def show_capacity(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """What is planned beside what was made, newest day first: one's own, or all at a desk."""
    at_desk = actor.role in DESKS
    if not at_desk:
        parties.require_role(actor, Role.MANUFACTURER)
    own = [site.code for site in parties.sites_of(session, actor.organisation)]
    sites = None if at_desk else own
    shown = days.days(session, sites=sites)
    found = made.find_productions(session, sites=sites)
    return render(
        request,
        "capacity.html",
        days=sorted(days_out(shown), key=lambda it: (it.day, it.site, it.item), reverse=True),
        made=found[::-1],
        at_desk=at_desk,
        may_report=actor.role in {Role.MANUFACTURER, Role.ADMIN},
        items={item.code: item for item in catalog.items(session)},
        sites=sites_by_code(session),
    )


@router.get("/capacity/plan")
def show_plan_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    return _page(request, session, actor, "capacity_plan.html", Form(), _LINES_AT_FIRST)


@router.post("/capacity/plan")
def put_plan(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    form.drop_blank_rows("days", _DECISIVE)
    if form["more"]:
        lines = len(form.rows("days")) + _LINES_MORE
        return _page(request, session, actor, "capacity_plan.html", form, lines)
    with form.attempt(session):
        plans.put_plan(session, actor, form.read(CapacityPlanIn))
    if form.slips:
        return _page(request, session, actor, "capacity_plan.html", form, 1)
    return redirect(request, "/capacity", done="plan-saved")


@router.get("/capacity/output")
def show_output_form(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    return _page(request, session, actor, "capacity_output.html", Form.blank(), 0)


@router.post("/capacity/output")
def report_output(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    parties.require_role(actor, Role.MANUFACTURER)
    with form.attempt(session):
        service.report_production(session, actor, form.read(ProductionIn))
    if form.slips:
        return _page(request, session, actor, "capacity_output.html", form, 0)
    return redirect(request, "/capacity", done="output-reported")


def _page(
    request: Request, session: Session, actor: Actor, template: str, form: Form, lines: int
) -> Response:
    factories = sites_by_code(session, SiteKind.FACTORY).values()
    mine = actor.organisation
    return render(
        request,
        template,
        form.status,
        form=form,
        lines=form.rows("days", at_least=lines),
        own_sites=[
            site for site in factories if actor.role is Role.ADMIN or site.organisation == mine
        ],
        items={item.code: item for item in catalog.items(session)},
        units=catalog.units(session),
    )
